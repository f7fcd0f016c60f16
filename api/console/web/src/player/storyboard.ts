/** One preview picture: a rectangle of a sprite, shown for positions in [start, end) seconds. */
export interface Tile {
  start: number;
  end: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const timing = /^\s*((?:\d+:)?\d{2}:\d{2}[.,]\d{3})\s+-->\s+((?:\d+:)?\d{2}:\d{2}[.,]\d{3})/;
const rectangle = /^xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/;

function seconds(stamp: string): number {
  return stamp
    .replace(',', '.')
    .split(':')
    .reduce((total, part) => total * 60 + Number(part), 0);
}

/**
 * parseStoryboard reads a WebVTT file whose cues are "picture#xywh=x,y,w,h" (Media Fragments URI 1.0 §4.2.2), with
 * addresses relative to the file's own. Cues that name no rectangle are left out; a file that is not WebVTT is an error.
 */
export function parseStoryboard(text: string, base: string): Tile[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  if (!/^WEBVTT([ \t].*)?$/.test(lines[0] ?? '')) throw new Error('storyboard: not a WebVTT file');
  const tiles: Tile[] = [];
  for (let i = 1; i < lines.length; i++) {
    const times = timing.exec(lines[i] ?? '');
    if (!times) continue;
    const [address = '', fragment = ''] = (lines[i + 1] ?? '').trim().split('#');
    const box = rectangle.exec(fragment);
    if (!box || !address) continue;
    const [x, y, width, height] = box.slice(1).map(Number) as [number, number, number, number];
    const start = seconds(times[1] ?? '');
    const end = seconds(times[2] ?? '');
    if (width === 0 || height === 0 || end <= start) continue;
    tiles.push({ start, end, url: new URL(address, base).href, x, y, width, height });
  }
  return tiles.sort((a, b) => a.start - b.start);
}

/** tileAt is the tile for a position: the last that starts at or before it, or the first. */
export function tileAt(tiles: Tile[], position: number): Tile | undefined {
  let low = 0;
  let high = tiles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tiles[middle]?.start ?? Infinity) <= position) low = middle + 1;
    else high = middle;
  }
  return tiles[Math.max(0, low - 1)];
}
