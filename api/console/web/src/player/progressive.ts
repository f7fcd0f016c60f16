import { noMenus, off, type OpenEngine } from './engine';
import { addSidecars } from './sidecar';

const reasons: Record<number, string> = {
  1: 'loading was stopped',
  2: 'the download broke off',
  3: 'the media cannot be decoded',
  4: 'the address has nothing this browser plays',
};

/** openProgressive gives the browser a plain MP4 file; a quality is another file, taken up at the same position. */
export const openProgressive: OpenEngine = (video, source, on) => {
  const sidecars = addSidecars(video, source.sidecars);
  let quality = source.variants[0]?.id ?? '';
  let text = off;

  function report() {
    on.menus({ ...noMenus, qualities: source.variants, quality, playing: '', texts: sidecars.choices, text });
  }

  function failed() {
    const error = video.error;
    if (error) on.fail(`The browser reports: ${reasons[error.code] ?? 'an error'}${error.message ? ` (${error.message})` : ''}.`);
  }

  video.addEventListener('error', failed);
  video.src = source.url;
  report();

  return Promise.resolve({
    setQuality(id: string) {
      const { currentTime, paused } = video;
      quality = id;
      video.src = id;
      video.currentTime = currentTime;
      if (!paused) void video.play().catch(() => undefined);
      sidecars.show(text);
      report();
    },
    setAudio() {
      // A progressive file has one audio track.
    },
    setText(id: string) {
      text = id;
      sidecars.show(id);
      report();
    },
    destroy() {
      video.removeEventListener('error', failed);
      sidecars.remove();
      video.removeAttribute('src');
      video.load();
      return Promise.resolve();
    },
  });
};
