import { describe, expect, it } from 'vitest';
import * as f from './format';

describe('clock and duration', () => {
  it.each([
    [0, '0:00'],
    [59.9, '0:59'],
    [61, '1:01'],
    [3599.999, '59:59'],
    [3600, '1:00:00'],
    [36_125, '10:02:05'],
    [NaN, '0:00'],
    [-3, '0:00'],
    [Infinity, '0:00'],
  ])('clock(%d) is %s', (s, want) => expect(f.clock(s)).toBe(want));

  it('has no duration for an entry that was not probed', () => {
    expect(f.duration(0)).toBe('–');
    expect(f.duration(null)).toBe('–');
    expect(f.duration(90_500)).toBe('1:30');
  });
});

describe('span', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [59_949, '59.9 s'],
    [59_999, '1 min 00 s'],
    [3_599_400, '59 min 59 s'],
    [7_800_000, '2 h 10 min'],
    [-1, '–'],
  ])('span(%d) is %s', (ms, want) => expect(f.span(ms)).toBe(want));
});

describe('sizes and rates', () => {
  it.each([
    [0, '–'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [1536 * 1024, '1.50 MiB'],
    [1024 * 1024 - 1, '1.00 MiB'],
    [5 * 2 ** 40, '5.00 TiB'],
  ])('bytes(%d) is %s', (n, want) => expect(f.bytes(n)).toBe(want));

  it.each([
    [64_000, '64.0 kb/s'],
    [2_500_000, '2.50 Mb/s'],
    [999_999, '1.00 Mb/s'],
    [0, '–'],
  ])('bitRate(%d) is %s', (n, want) => expect(f.bitRate(n)).toBe(want));
});

describe('percent', () => {
  it.each([
    [0, 0, 0],
    [1, 0, 0],
    [999, 1000, 99],
    [1000, 1000, 100],
    [1500, 1000, 100],
    [-5, 10, 0],
  ])('%d of %d is %d', (done, total, want) => expect(f.percent(done, total)).toBe(want));
});

describe('times', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  it('tells how long ago in the largest fitting unit', () => {
    expect(f.ago('2026-01-01T23:59:57Z', now)).toBe('3 seconds ago');
    expect(f.ago('2026-01-01T23:00:01Z', now)).toBe('59 minutes ago');
    expect(f.ago('2026-01-01T21:00:00Z', now)).toBe('3 hours ago');
    expect(f.ago('2025-12-23T00:00:00Z', now)).toBe('10 days ago');
    expect(f.ago('2026-01-02T00:00:04Z', now)).toBe('now');
    expect(f.ago('yesterday', now)).toBe('–');
  });
  it('counts an unfinished span up to now and never below zero', () => {
    expect(f.elapsed(null, null, now)).toBeNull();
    expect(f.elapsed('2026-01-01T23:59:50Z', null, now)).toBe(10_000);
    expect(f.elapsed('2026-01-01T23:59:50Z', '2026-01-01T23:59:51Z', now)).toBe(1000);
    expect(f.elapsed('2026-01-01T23:59:50Z', '2026-01-01T23:59:49Z', now)).toBe(0);
  });
});

describe('sentence', () => {
  it.each([
    ['the file is empty', 'The file is empty.'],
    ['Send it again.', 'Send it again.'],
    ['"a.mp4" is empty', '"a.mp4" is empty.'],
    ['0_abc: not found', '0_abc: not found.'],
    ['there is no entry "x"', 'There is no entry "x"'],
    ['a: b', 'A: b.'],
    ['', ''],
  ])('%s reads %s', (text, want) => expect(f.sentence(text)).toBe(want));
});

describe('language', () => {
  it('names a known tag and keeps an unknown one', () => {
    expect(f.language('de')).toBe('German');
    expect(f.language('und')).toBe('');
    expect(f.language('!!')).toBe('!!');
  });
});
