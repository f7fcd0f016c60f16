import { describe, expect, it } from 'vitest';
import { qualityChoices, trackLabels } from './labels';

describe('qualityChoices', () => {
  it('lists the best first and keeps the engine’s indexes as ids', () => {
    expect(
      qualityChoices([
        { width: 360, height: 640, bitRate: 800_000 },
        { width: 1920, height: 1080, bitRate: 4_500_000 },
        { width: 640, height: 360, bitRate: 900_000 },
        { width: 0, height: 0, bitRate: 64_000 },
      ]),
    ).toEqual([
      { id: '1', label: '1080p · 4.50 Mb/s' },
      { id: '2', label: '360p · 900 kb/s' },
      { id: '0', label: '360p · 800 kb/s' },
      { id: '3', label: 'audio only · 64.0 kb/s' },
    ]);
  });
});

describe('trackLabels', () => {
  it.each([
    [{ label: 'Commentary', language: 'en' }, 'Commentary (English)'],
    [{ label: 'English', language: 'en' }, 'English'],
    [{ label: '', language: 'de' }, 'German'],
    [{ label: null, language: 'und' }, 'Track'],
    [{ label: 'Film', language: '', channels: 6 }, 'Film 5.1'],
    [{ language: 'fr', channels: 2 }, 'French'],
  ])('%j reads %s', (track, want) => expect(trackLabels([track])).toEqual([want]));

  it('numbers tracks that would read alike', () => {
    expect(trackLabels([{ language: 'en' }, { language: 'de' }, { language: 'en' }])).toEqual(['English 1', 'German', 'English 2']);
  });
});
