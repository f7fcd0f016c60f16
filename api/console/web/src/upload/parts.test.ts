import { expect, test } from 'vitest';
import { Meter, remaining, split } from './parts';

test.each([1, 32 * 2 ** 20, 32 * 2 ** 20 + 1, 5_000_000_000, 50 * 2 ** 30])('%d bytes are cut without gaps', (size) => {
  const parts = split(size);
  expect(parts.length).toBeLessThanOrEqual(800);
  let at = 0;
  for (const part of parts) {
    expect(part.from).toBe(at);
    expect(part.to).toBeGreaterThan(part.from);
    at = part.to;
  }
  expect(at).toBe(size);
});

test('an empty file has no parts', () => expect(split(0)).toEqual([]));

test('a rate is that of the last seconds', () => {
  const meter = new Meter();
  expect(meter.rate(0)).toBe(0);
  for (let t = 0; t <= 10_000; t += 1000) meter.add(t, t < 5000 ? 0 : (t - 5000) * 2);
  expect(meter.rate(10_000)).toBeCloseTo(2000, -2);
  expect(meter.rate(60_000)).toBe(0);
});

test('time left needs a rate', () => {
  expect(remaining(1000, 0)).toBeNull();
  expect(remaining(1000, 500)).toBe(2000);
});
