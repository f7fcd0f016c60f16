// Uploads a file with tus-js-client: client.mjs NODE_MODULES ENDPOINT FILE PARTS CHUNK. Prints the upload's address.
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';

const [, , modules, endpoint, file, parts, chunk] = process.argv;
const { Upload } = createRequire(`${modules}/`)('tus-js-client');

const upload = new Upload(createReadStream(file), {
  endpoint,
  parallelUploads: Number(parts),
  chunkSize: Number(chunk) || Infinity,
  retryDelays: Array(400).fill(50),
  headers: { Authorization: 'KS anna' },
  metadata: { filename: 'client.mp4', name: 'By tus-js-client' },
  onShouldRetry: (error) => {
    const status = error.originalResponse?.getStatus() ?? 0;
    if (status === 423) console.error('423 Locked');
    return status < 400 || status === 409 || status >= 500;
  },
  onSuccess: () => console.log(upload.url),
  onError: (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
});
upload.start();
