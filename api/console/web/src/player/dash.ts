import shaka from 'shaka-player/dist/shaka-player.dash-es2021.js';
import { auto, off, type OpenEngine } from './engine';
import { lines, qualityChoices, trackLabels } from './labels';
import { addSidecars } from './sidecar';

/** A failure's name in Shaka Player's tables, so that its documentation can be searched: "1001 BAD_HTTP_STATUS". */
function describe(error: shaka.util.Error): string {
  const name = Object.entries(shaka.util.Error.Code).find(([, code]) => code === error.code)?.[0] ?? '';
  const where = (error.data as unknown[]).find((item) => typeof item === 'string');
  return `Shaka Player: ${error.code} ${name}${typeof where === 'string' ? `: ${where}` : ''}`;
}

/** openDash plays an MPEG-DASH manifest with Shaka Player; captions come from the manifest, else from the side. */
export const openDash: OpenEngine = async (video, source, on) => {
  shaka.polyfill.installAll();
  if (!shaka.Player.isBrowserSupported()) throw new Error('This browser lacks what Shaka Player needs.');
  const player = new shaka.Player();
  await player.attach(video);
  player.configure({ abr: { restrictToElementSize: false } });

  let sidecars: ReturnType<typeof addSidecars> | null = null;
  let sidecar = off;
  let chosen = auto;
  let text = off;

  const videoTracks = () => player.getVideoTracks();

  function report() {
    const videos = videoTracks();
    const audios = player.getAudioTracks();
    const texts = player.getTextTracks();
    const active = videos.find((t) => t.active);
    on.menus({
      qualities: qualityChoices(videos.map((t) => ({ width: t.width ?? 0, height: t.height ?? 0, bitRate: t.bandwidth }))),
      quality: chosen,
      playing: lines(active?.width ?? 0, active?.height ?? 0),
      audios: trackLabels(audios.map((t) => ({ label: t.label, language: t.language, channels: t.channelsCount }))).map(
        (label, i) => ({ id: String(i), label }),
      ),
      audio: String(audios.findIndex((t) => t.active)),
      texts: sidecars ? sidecars.choices : trackLabels(texts).map((label, i) => ({ id: String(i), label })),
      text: sidecars ? sidecar : text,
    });
  }

  for (const event of ['trackschanged', 'variantchanged', 'adaptation', 'textchanged', 'audiotrackschanged']) {
    player.addEventListener(event, report);
  }
  player.addEventListener('error', (event) => on.fail(describe((event as unknown as { detail: shaka.util.Error }).detail)));
  // Loading goes on in the background: destroy() must be possible before it ends.
  // From the start, also while the manifest of an entry in work still grows.
  const loading = player.load(source.url, 0).then(
    () => {
      if (player.getTextTracks().length === 0) sidecars = addSidecars(video, source.sidecars);
      report();
    },
    (error: unknown) => {
      const failure = error as shaka.util.Error;
      if (failure.code !== shaka.util.Error.Code.LOAD_INTERRUPTED) on.fail(describe(failure));
    },
  );

  return {
    setQuality(id) {
      chosen = id;
      player.configure({ abr: { enabled: id === auto } });
      const track = videoTracks()[Number(id)];
      // With the buffer kept up to a second ahead: the switch shows at once but does not stall.
      if (track) player.selectVideoTrack(track, true, 1);
      report();
    },
    setAudio(id) {
      const track = player.getAudioTracks()[Number(id)];
      if (track) player.selectAudioTrack(track);
      report();
    },
    setText(id) {
      if (sidecars) {
        sidecar = id;
        sidecars.show(id);
      } else {
        text = id;
        player.selectTextTrack(id === off ? null : player.getTextTracks()[Number(id)]);
      }
      report();
    },
    async destroy() {
      sidecars?.remove();
      await player.destroy();
      await loading;
    },
  };
};
