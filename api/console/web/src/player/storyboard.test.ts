import { describe, expect, it } from 'vitest';
import { parseStoryboard, tileAt } from './storyboard';

const base = 'http://host/thumb/0_abc/storyboard.vtt';

const file = `WEBVTT

NOTE made at ingest

1
00:00:00.000 --> 00:00:01.000
storyboard-0.jpg#xywh=0,0,160,90

00:01.000 --> 00:02.000 align:start
storyboard-0.jpg#xywh=160,0,160,90

01:00:00.000 --> 01:00:01.500
/other/storyboard-1.jpg#xywh=pixel:0,90,160,90
`;

describe('parseStoryboard', () => {
  it('reads times with and without hours, resolves addresses and takes the rectangle', () => {
    expect(parseStoryboard(file, base)).toEqual([
      { start: 0, end: 1, url: 'http://host/thumb/0_abc/storyboard-0.jpg', x: 0, y: 0, width: 160, height: 90 },
      { start: 1, end: 2, url: 'http://host/thumb/0_abc/storyboard-0.jpg', x: 160, y: 0, width: 160, height: 90 },
      { start: 3600, end: 3601.5, url: 'http://host/other/storyboard-1.jpg', x: 0, y: 90, width: 160, height: 90 },
    ]);
  });

  it('accepts a byte order mark and foreign line ends', () => {
    expect(parseStoryboard('\uFEFF' + file.replaceAll('\n', '\r\n'), base)).toHaveLength(3);
  });

  it.each([
    ['no rectangle', '00:00.000 --> 00:01.000\na.jpg'],
    ['an empty rectangle', '00:00.000 --> 00:01.000\na.jpg#xywh=0,0,0,90'],
    ['percentages', '00:00.000 --> 00:01.000\na.jpg#xywh=percent:0,0,10,10'],
    ['no length of time', '00:01.000 --> 00:01.000\na.jpg#xywh=0,0,16,9'],
    ['no payload', '00:00.000 --> 00:01.000'],
  ])('leaves out a cue with %s', (_, cue) => expect(parseStoryboard(`WEBVTT\n\n${cue}`, base)).toEqual([]));

  it.each(['', 'WEBVTTX\n', '<html>'])('refuses %j', (text) => expect(() => parseStoryboard(text, base)).toThrow('not a WebVTT'));
});

describe('tileAt', () => {
  const tiles = parseStoryboard(file, base);
  it.each([
    [-1, 0],
    [0, 0],
    [0.999, 0],
    [1, 1],
    [500, 1],
    [3600, 3600],
    [99_999, 3600],
  ])('at %d shows the tile that starts at %d', (position, start) => expect(tileAt(tiles, position)?.start).toBe(start));
  it('has nothing to show without tiles', () => expect(tileAt([], 3)).toBeUndefined());
});
