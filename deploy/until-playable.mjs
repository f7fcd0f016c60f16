// Waits until the entry GROWING_ID of the server at BASE_URL plays, and fails when it is ready by then.
const { BASE_URL, GROWING_ID } = process.env;
const deadline = Date.now() + 300_000;
for (;;) {
  const response = await fetch(`${BASE_URL}/v1/entries/${GROWING_ID}`);
  const { entry } = await response.json();
  if (!response.ok || entry.status.startsWith('error') || entry.status === 'ready' || Date.now() > deadline) {
    console.error(`until-playable: ${response.status}, entry is ${entry?.status}: ${entry?.error_text ?? ''}`);
    process.exit(1);
  }
  if (entry.playable) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
