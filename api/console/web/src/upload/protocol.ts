import { DetailedError, Upload } from 'tus-js-client';
import type { Part } from './parts';

/** Where uploads are made; a whole address, because locations are resolved against it. */
const endpoint = () => new URL('/v1/uploads/tus/', window.location.href).href;

/** A refusal that trying again does not change. */
export class Refused extends Error {}

export interface Created {
  url: string;
  entry: string;
}

function encode(metadata: Record<string, string>): string {
  const base64 = (text: string) => btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
  return Object.entries(metadata)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(',');
}

/** create makes an upload of a file, and the entry that waits for it. */
export async function create(size: number, metadata: Record<string, string>, signal: AbortSignal): Promise<Created> {
  const response = await fetch(endpoint(), {
    method: 'POST',
    signal,
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Length': String(size), 'Upload-Metadata': encode(metadata) },
  });
  const location = response.headers.get('Location');
  if (response.status === 201 && location) {
    return { url: new URL(location, endpoint()).href, entry: response.headers.get('Sluice-Entry-Id') ?? '' };
  }
  const text = (await response.text()).trim() || `The server answered ${response.status}.`;
  throw final(response.status) ? new Refused(text) : new Error(text);
}

/** still says whether the server still has an upload, and how many bytes in a row. */
export async function still(url: string, signal?: AbortSignal): Promise<number | null> {
  const response = await fetch(url, { method: 'HEAD', signal, headers: { 'Tus-Resumable': '1.0.0' } });
  if (response.ok) return Number(response.headers.get('Upload-Offset') ?? 0);
  if (final(response.status)) return null;
  throw new Error(`The server answered ${response.status}.`);
}

/** terminate gives an upload up, with the entry that was made for it. One that is gone already is no error. */
export async function terminate(url: string): Promise<void> {
  try {
    await Upload.terminate(url);
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 410) return;
    throw error;
  }
}

/** Waits between attempts, in milliseconds; after them the queue tries again every minute. */
const retryDelays = [0, 1000, 3000, 5000, 10_000, 30_000];

/** final says that a status is about the upload, not about the moment. */
const final = (status: number) => status >= 400 && status < 500 && ![408, 409, 423, 425, 429, 460].includes(status);

function statusOf(error: unknown): number {
  return error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
}

/** send brings one part of a file to its place. The part has an address of its own, made of the upload's. */
export function send(file: File, url: string, part: Part, onProgress: (sent: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(file.slice(part.from, part.to), {
      endpoint: endpoint(),
      uploadUrl: `${url}.${part.from}-${part.to}`,
      retryDelays,
      storeFingerprintForResuming: false,
      onShouldRetry: (error) => !final(statusOf(error)),
      onProgress: (sent) => onProgress(sent),
      onSuccess: () => resolve(),
      onError: (error) => {
        const said = error instanceof DetailedError ? error.originalResponse?.getBody().trim() : '';
        const text = said || 'The connection was lost.';
        reject(final(statusOf(error)) ? new Refused(text) : new Error(text));
      },
    });
    signal.addEventListener('abort', () => {
      void upload.abort().finally(() => reject(new DOMException('stopped', 'AbortError')));
    });
    upload.start();
  });
}
