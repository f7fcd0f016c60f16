import { bitRate, language } from '../format';
import type { Choice } from './engine';

export interface Rendition {
  width: number;
  height: number;
  bitRate: number;
}

/** lines names a picture by its short side, as renditions are named everywhere: "720p" also when it stands upright. */
export const lines = (width: number, height: number) => (width > 0 && height > 0 ? `${Math.min(width, height)}p` : '');

/** qualityLabel is "720p · 2.50 Mb/s". */
export function qualityLabel({ width, height, bitRate: rate }: Rendition): string {
  const size = lines(width, height) || 'audio only';
  return rate > 0 ? `${size} · ${bitRate(rate)}` : size;
}

/** qualityChoices sorts renditions best first; ids stay those of the given order. */
export function qualityChoices(renditions: Rendition[]): Choice[] {
  return renditions
    .map((r, i) => ({ ...r, id: String(i) }))
    .sort((a, b) => b.width * b.height - a.width * a.height || b.bitRate - a.bitRate)
    .map((r) => ({ id: r.id, label: qualityLabel(r) }));
}

export interface Spoken {
  label?: string | null;
  language?: string | null;
  channels?: number | null;
}

/** trackLabel names an audio or caption track by its title and language, so that no two of a menu read alike. */
export function trackLabels(tracks: Spoken[]): string[] {
  const names = tracks.map((t) => {
    const tongue = language(t.language ?? '');
    const title = t.label ?? '';
    const name = title && tongue && !title.toLowerCase().includes(tongue.toLowerCase()) ? `${title} (${tongue})` : title || tongue;
    const channels = t.channels && t.channels > 2 ? ` ${t.channels === 6 ? '5.1' : t.channels === 8 ? '7.1' : `${t.channels} ch`}` : '';
    return (name || 'Track') + channels;
  });
  return names.map((name, i) => {
    const same = names.filter((other) => other === name).length;
    return same > 1 ? `${name} ${names.slice(0, i + 1).filter((other) => other === name).length}` : name;
  });
}
