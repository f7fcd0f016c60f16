import { describe, expect, it } from 'vitest';
import type { Link } from '../api';
import { linkOf, playables } from './sources';

const links: Link[] = [
  { kind: 'poster', label: 'Poster', url: '/p.jpg' },
  { kind: 'progressive', label: '720p', url: '/720.mp4' },
  { kind: 'progressive', label: '360p', url: '/360.mp4' },
  { kind: 'hls_ts', label: 'HLS', url: '/m.m3u8' },
  { kind: 'caption', label: 'English', url: '/en.vtt', language: 'en' },
];

describe('playables', () => {
  it('offers only what has a link, in a fixed order, with captions beside every one', () => {
    const got = playables(links);
    expect(got.map((p) => p.technique.id)).toEqual(['hls-ts', 'progressive']);
    expect(got.every((p) => p.source.sidecars.length === 1)).toBe(true);
  });
  it('plays the first progressive file and offers the others as qualities', () => {
    const progressive = playables(links).find((p) => p.technique.id === 'progressive');
    expect(progressive?.source.url).toBe('/720.mp4');
    expect(progressive?.source.variants.map((v) => v.label)).toEqual(['720p', '360p']);
  });
  it('plays the sound of a title without pictures', () => {
    const got = playables([{ kind: 'audio', label: 'AAC', url: '/a.m4a' }]);
    expect(got.map((p) => [p.technique.id, p.source.url])).toEqual([['progressive', '/a.m4a']]);
  });
  it('has nothing to play without links', () => expect(playables([])).toEqual([]));
});

describe('linkOf', () => {
  it('finds a link by kind', () => {
    expect(linkOf(links, 'poster')).toBe('/p.jpg');
    expect(linkOf(links, 'storyboard')).toBeUndefined();
  });
});
