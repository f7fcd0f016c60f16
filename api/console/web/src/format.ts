/** Numbers as people read them. Every function takes what the API gives and answers "–" for what is not known. */

export const unknown = '–';

/** duration of milliseconds as 1:02:03 or 4:05. */
export function duration(ms: number | null | undefined): string {
  if (ms == null || !Number.isFinite(ms) || ms <= 0) return unknown;
  return clock(ms / 1000);
}

/** clock is a position in seconds as h:mm:ss or m:ss; 0 is "0:00". */
export function clock(seconds: number): string {
  const whole = Number.isFinite(seconds) && seconds > 0 ? Math.floor(seconds) : 0;
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = String(whole % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** span is a length of time in words: 850 ms, 12.3 s, 4 min 05 s, 2 h 10 min. */
export function span(ms: number | null | undefined): string {
  if (ms == null || !Number.isFinite(ms) || ms < 0) return unknown;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
}

function scaled(value: number, base: number, units: string[]): string {
  let i = 0;
  while (value >= base && i < units.length - 1) {
    value /= base;
    i++;
  }
  // 999.6 would print as "1000": go to the next unit instead.
  if (i < units.length - 1 && Number(value.toFixed(0)) >= base) {
    value /= base;
    i++;
  }
  const digits = i === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[i]}`;
}

/** bytes in binary units: 1.50 MiB. */
export function bytes(n: number | null | undefined): string {
  if (n == null || !Number.isFinite(n) || n <= 0) return unknown;
  return scaled(n, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

/** bitRate in decimal units: 2.50 Mb/s. */
export function bitRate(bitsPerSecond: number | null | undefined): string {
  if (bitsPerSecond == null || !Number.isFinite(bitsPerSecond) || bitsPerSecond <= 0) return unknown;
  return scaled(bitsPerSecond, 1000, ['b/s', 'kb/s', 'Mb/s', 'Gb/s']);
}

/** sentence begins with a capital letter and ends with a stop, as reasons from all over the system do not. */
export function sentence(text: string): string {
  const first = text.trimStart();
  if (!first) return '';
  const begun = /^[a-z]+[ ,:]/.test(first) ? first.charAt(0).toUpperCase() + first.slice(1) : first;
  return /[.!?…)"':]$/.test(begun) ? begun : `${begun}.`;
}

/** resolution as 1920×1080. */
export function resolution(width: number, height: number): string {
  return width > 0 && height > 0 ? `${width}×${height}` : unknown;
}

/** percent of a whole, rounded down so that only finished work shows 100 %. */
export function percent(done: number, total: number): number {
  if (!(total > 0) || !(done > 0)) return 0;
  return Math.min(100, Math.floor((done / total) * 100));
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** time of an RFC 3339 stamp in the reader's zone. */
export function time(stamp: string | null | undefined): string {
  if (!stamp) return unknown;
  const t = new Date(stamp);
  return Number.isNaN(t.getTime()) ? unknown : dateTime.format(t);
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** ago is how long before `now` a stamp lies: "3 minutes ago". */
export function ago(stamp: string | null | undefined, now: number): string {
  const t = stamp ? Date.parse(stamp) : NaN;
  if (Number.isNaN(t)) return unknown;
  // A stamp may be newer than the clock on the page, which stands still for some seconds.
  const s = Math.min(0, Math.round((t - now) / 1000));
  const size = Math.abs(s);
  if (size < 60) return relative.format(s, 'second');
  if (size < 3600) return relative.format(Math.trunc(s / 60), 'minute');
  if (size < 86_400) return relative.format(Math.trunc(s / 3600), 'hour');
  return relative.format(Math.trunc(s / 86_400), 'day');
}

/** elapsed milliseconds between two stamps; null when the first is missing. An open end counts to `now`. */
export function elapsed(from: string | null, to: string | null, now: number): number | null {
  if (!from) return null;
  const start = Date.parse(from);
  const end = to ? Date.parse(to) : now;
  return Number.isNaN(start) || Number.isNaN(end) ? null : Math.max(0, end - start);
}

let languageNames: Intl.DisplayNames | undefined;

/** language is the English name of a BCP 47 tag, or the tag itself. */
export function language(tag: string): string {
  if (!tag || tag === 'und') return '';
  try {
    languageNames ??= new Intl.DisplayNames(['en'], { type: 'language' });
    return languageNames.of(tag) ?? tag;
  } catch {
    return tag;
  }
}
