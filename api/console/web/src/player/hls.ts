import Hls, { ErrorTypes, Events, type ErrorData } from 'hls.js';
import { auto, off, type OpenEngine } from './engine';
import { lines, qualityChoices, trackLabels } from './labels';
import { addSidecars } from './sidecar';

/** openHls plays an HLS multivariant playlist with hls.js; captions come from the playlist, else from the side. */
export const openHls: OpenEngine = (video, source, on) => {
  if (!Hls.isSupported()) return Promise.reject(new Error('This browser has no Media Source Extensions, which hls.js needs.'));
  // From the start, also while the playlist of an entry in work still grows, which the engine takes for a live one.
  const hls = new Hls({ capLevelToPlayerSize: false, startPosition: 0 });
  let sidecars: ReturnType<typeof addSidecars> | null = null;
  let sidecar = off;
  let recovered = false;
  // The engine reports its manual level only after the switch; the menu shows the choice at once.
  let chosen = auto;

  function report() {
    const texts = sidecars
      ? sidecars.choices
      : trackLabels(hls.subtitleTracks.map((t) => ({ label: t.name, language: t.lang }))).map((label, i) => ({ id: String(i), label }));
    const level = hls.levels[hls.currentLevel];
    on.menus({
      qualities: qualityChoices(hls.levels.map((l) => ({ width: l.width, height: l.height, bitRate: l.bitrate }))),
      quality: chosen,
      playing: level ? lines(level.width, level.height) : '',
      audios: trackLabels(
        hls.audioTracks.map((t) => ({ label: t.name, language: t.lang, channels: Number.parseInt(t.channels ?? '', 10) || null })),
      ).map((label, i) => ({ id: String(i), label })),
      audio: String(hls.audioTrack),
      texts,
      text: sidecars ? sidecar : hls.subtitleTrack >= 0 ? String(hls.subtitleTrack) : off,
    });
  }

  hls.on(Events.MANIFEST_PARSED, (_, data) => {
    if (data.subtitleTracks.length === 0) sidecars = addSidecars(video, source.sidecars);
    report();
  });
  for (const event of [
    Events.LEVELS_UPDATED,
    Events.LEVEL_SWITCHED,
    Events.AUDIO_TRACKS_UPDATED,
    Events.AUDIO_TRACK_SWITCHED,
    Events.SUBTITLE_TRACKS_UPDATED,
    Events.SUBTITLE_TRACK_SWITCH,
  ] as const) {
    hls.on(event, report);
  }
  hls.on(Events.ERROR, (_, data: ErrorData) => {
    if (!data.fatal) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && !recovered) {
      recovered = true;
      hls.recoverMediaError();
      return;
    }
    const status = data.response?.code ? ` (HTTP ${data.response.code})` : '';
    on.fail(`hls.js: ${data.details}${status}: ${data.error.message}`);
  });
  hls.loadSource(source.url);
  hls.attachMedia(video);

  return Promise.resolve({
    setQuality(id: string) {
      chosen = id;
      // Immediate rather than at the next segment: who picks a rendition here wants to see that one.
      hls.currentLevel = id === auto ? -1 : Number(id);
      report();
    },
    setAudio(id: string) {
      hls.audioTrack = Number(id);
    },
    setText(id: string) {
      if (sidecars) {
        sidecar = id;
        sidecars.show(id);
      } else {
        hls.subtitleDisplay = id !== off;
        hls.subtitleTrack = id === off ? -1 : Number(id);
      }
      report();
    },
    destroy() {
      sidecars?.remove();
      hls.destroy();
      return Promise.resolve();
    },
  });
};
