/** A range of a file that is sent on its own. */
export interface Part {
  from: number;
  to: number;
}

/** Parts are at least so large, in bytes; a file has at most maxParts. */
const partSize = 32 * 1024 * 1024;
const maxParts = 800;

/** split cuts a file into parts that follow one another. */
export function split(size: number): Part[] {
  const step = Math.max(partSize, Math.ceil(size / maxParts));
  const parts: Part[] = [];
  for (let from = 0; from < size; from += step) parts.push({ from, to: Math.min(size, from + step) });
  return parts;
}

/** How far back a rate looks, in milliseconds. */
const windowMs = 5000;

/** Meter measures how fast a count grows. */
export class Meter {
  private samples: { at: number; value: number }[] = [];

  add(at: number, value: number): void {
    this.samples.push({ at, value });
    while (this.samples.length > 2 && (this.samples[0]?.at ?? 0) < at - windowMs) this.samples.shift();
  }

  /** rate is in units a second; 0 until it is known, and when nothing moved lately. */
  rate(now: number): number {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || now - last.at > windowMs || last.at <= first.at) return 0;
    return Math.max(0, ((last.value - first.value) / (Math.max(now, last.at) - first.at)) * 1000);
  }

  reset(): void {
    this.samples = [];
  }
}

/** remaining is the time that is left in milliseconds, null when nobody knows. */
export function remaining(left: number, bytesPerSecond: number): number | null {
  return bytesPerSecond > 0 ? (left / bytesPerSecond) * 1000 : null;
}
