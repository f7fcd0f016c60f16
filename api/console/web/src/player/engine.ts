import type { LinkKind } from '../api';

/** One entry of a menu. */
export interface Choice {
  id: string;
  label: string;
}

/** What can be chosen and what plays. Empty lists mean that the engine offers no choice of that kind. */
export interface Menus {
  qualities: Choice[];
  /** The chosen quality; `auto` lets the engine adapt. */
  quality: string;
  /** The quality on screen while `auto`, as a label. */
  playing: string;
  audios: Choice[];
  audio: string;
  texts: Choice[];
  /** The caption track shown; `off` for none. */
  text: string;
}

export const auto = 'auto';
export const off = 'off';

export const noMenus: Menus = { qualities: [], quality: auto, playing: '', audios: [], audio: '', texts: [], text: off };

/** A caption file that is offered beside the stream, for engines and manifests that carry none. */
export interface Sidecar {
  url: string;
  label: string;
  language: string;
}

export interface Source {
  url: string;
  /** Further files of the same title, best first, for engines that cannot adapt. */
  variants: Choice[];
  sidecars: Sidecar[];
}

export interface Callbacks {
  menus: (menus: Menus) => void;
  fail: (message: string) => void;
}

/** A player library bound to one video element. */
export interface Engine {
  setQuality(id: string): void;
  setAudio(id: string): void;
  setText(id: string): void;
  /** Frees the element; resolves when it can be given to another engine. */
  destroy(): Promise<void>;
}

export type OpenEngine = (video: HTMLVideoElement, source: Source, on: Callbacks) => Promise<Engine>;

/** The ways to play a title. A new player or format is a new row here. */
export interface Technique {
  id: string;
  label: string;
  kind: LinkKind;
  open: OpenEngine;
}

export const techniques: Technique[] = [
  { id: 'hls-fmp4', label: 'HLS fMP4', kind: 'hls_fmp4', open: async (...args) => (await import('./hls')).openHls(...args) },
  { id: 'hls-ts', label: 'HLS TS', kind: 'hls_ts', open: async (...args) => (await import('./hls')).openHls(...args) },
  { id: 'dash', label: 'DASH', kind: 'dash', open: async (...args) => (await import('./dash')).openDash(...args) },
  {
    id: 'progressive',
    label: 'Progressive',
    kind: 'progressive',
    open: async (...args) => (await import('./progressive')).openProgressive(...args),
  },
];
