import type { Link } from '../api';
import { techniques, type Source, type Technique } from './engine';

export interface Playable {
  technique: Technique;
  source: Source;
}

/** ofKind finds what a technique plays; a title without pictures has its sound as the progressive file. */
function ofKind(links: Link[], kind: Link['kind']): Link[] {
  const own = links.filter((l) => l.kind === kind);
  return own.length === 0 && kind === 'progressive' ? links.filter((l) => l.kind === 'audio') : own;
}

/** playables is what the links of an entry let us play, in the order of the techniques. */
export function playables(links: Link[]): Playable[] {
  const sidecars = links
    .filter((l) => l.kind === 'caption')
    .map((l) => ({ url: l.url, label: l.label, language: l.language ?? '' }));
  return techniques.flatMap((technique) => {
    const own = ofKind(links, technique.kind);
    const first = own[0];
    if (!first) return [];
    const variants = own.map((l) => ({ id: l.url, label: l.label }));
    return [{ technique, source: { url: first.url, variants, sidecars } }];
  });
}

/** linkOf is the address of the only link of a kind. */
export const linkOf = (links: Link[], kind: Link['kind']) => links.find((l) => l.kind === kind)?.url;
