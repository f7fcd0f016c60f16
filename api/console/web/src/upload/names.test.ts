import { expect, test } from 'vitest';
import { nameProblem } from './names';

test.each(['film.mp4', 'a "quoted" \\ name: *?.mov', 'é.mp4', 'e\u0301.mp4', '😀.mp4', 'x'.repeat(255)])('%s is a name', (name) => {
  expect(nameProblem(name)).toBe('');
});

test.each([
  ['', 'empty'],
  ['..', 'empty'],
  ['a/b.mp4', 'slash'],
  ['a\nb.mp4', 'U+000A'],
  ['a\u202eb.mp4', 'U+202E'],
  ['é'.repeat(128), '256 bytes'],
  ['.sluice-parts', 'reserved'],
  ['\ud800.mp4', 'Unicode'],
])('%j is none', (name, reason) => {
  expect(nameProblem(name)).toContain(reason);
});
