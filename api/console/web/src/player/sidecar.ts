import { off, type Choice, type Sidecar } from './engine';

/** Caption files bound to a video element as <track>s: the browser loads and draws them. */
export interface Sidecars {
  choices: Choice[];
  show(id: string): void;
  remove(): void;
}

const idOf = (index: number) => `sidecar-${index}`;

export function addSidecars(video: HTMLVideoElement, files: Sidecar[]): Sidecars {
  const elements = files.map((file, i) => {
    const element = document.createElement('track');
    element.id = idOf(i);
    element.kind = 'subtitles';
    element.label = file.label;
    element.srclang = file.language;
    element.src = file.url;
    video.append(element);
    element.track.mode = 'disabled';
    return element;
  });
  return {
    choices: files.map((file, i) => ({ id: idOf(i), label: file.label })),
    show(id) {
      for (const element of elements) element.track.mode = id !== off && element.id === id ? 'showing' : 'disabled';
    },
    remove() {
      for (const element of elements) element.remove();
    },
  };
}
