import { useCallback, useSyncExternalStore, type RefObject } from 'react';

/** What a video element is doing, as the controls show it. */
export interface MediaState {
  paused: boolean;
  position: number;
  duration: number;
  /** End of the buffer around the position, in seconds. */
  buffered: number;
  volume: number;
  muted: boolean;
  waiting: boolean;
  width: number;
  height: number;
}

const events = [
  'play', 'pause', 'timeupdate', 'seeking', 'seeked', 'durationchange', 'progress', 'volumechange',
  'waiting', 'playing', 'canplay', 'resize', 'loadedmetadata', 'emptied', 'ended',
];

const idle: MediaState = { paused: true, position: 0, duration: 0, buffered: 0, volume: 1, muted: false, waiting: false, width: 0, height: 0 };

const snapshots = new WeakMap<HTMLVideoElement, MediaState>();

function bufferedUntil(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(i)) return video.buffered.end(i);
  }
  return video.currentTime;
}

/** Engines give a presentation that still grows an endless or absurd duration: then it is as long as can be sought. */
const absurd = 2 ** 31;

function lengthOf(video: HTMLVideoElement): number {
  if (video.duration < absurd) return video.duration;
  return video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) : 0;
}

function read(video: HTMLVideoElement): MediaState {
  return {
    paused: video.paused,
    position: video.currentTime,
    duration: lengthOf(video),
    buffered: bufferedUntil(video),
    volume: video.volume,
    muted: video.muted,
    waiting: !video.paused && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && !video.ended,
    width: video.videoWidth,
    height: video.videoHeight,
  };
}

/** useMedia re-renders on the element's own events; the snapshot is replaced only when one of them fired. */
export function useMedia(ref: RefObject<HTMLVideoElement | null>): MediaState {
  const subscribe = useCallback(
    (changed: () => void) => {
      const video = ref.current;
      if (!video) return () => undefined;
      const update = () => {
        snapshots.set(video, read(video));
        changed();
      };
      update();
      for (const name of events) video.addEventListener(name, update);
      return () => {
        for (const name of events) video.removeEventListener(name, update);
      };
    },
    [ref],
  );
  return useSyncExternalStore(subscribe, () => (ref.current && snapshots.get(ref.current)) ?? idle);
}
