import { useEffect, useRef, useState, type RefObject } from 'react';
import { noMenus, type Engine, type Menus, type Source, type Technique } from './engine';

export interface EngineHandle {
  menus: Menus;
  failure: string;
  engine: RefObject<Engine | null>;
  /** Opens the source anew, at the place where it failed. */
  retry: () => void;
}

/** Where a title was when its engine was exchanged. */
interface Place {
  position: number;
  playing: boolean;
}

function resume(video: HTMLVideoElement, { position, playing }: Place) {
  const go = () => {
    video.currentTime = position;
    if (playing) void video.play().catch(() => undefined);
  };
  if (video.readyState >= HTMLMediaElement.HAVE_METADATA) go();
  else video.addEventListener('loadedmetadata', go, { once: true });
}

/**
 * useEngine binds a technique to the video element and undoes it when the technique or the source changes. Engines share
 * one element, so the next is opened only after the one before has let go of it. The position is kept: techniques can be
 * compared at one picture, and a caption that becomes ready does not start a film over.
 */
export function useEngine(video: RefObject<HTMLVideoElement | null>, technique: Technique, source: Source): EngineHandle {
  const engine = useRef<Engine | null>(null);
  const released = useRef<Promise<void>>(Promise.resolve());
  const place = useRef<Place>({ position: 0, playing: false });
  const [menus, setMenus] = useState<Menus>(noMenus);
  const [failure, setFailure] = useState('');
  const [attempt, setAttempt] = useState(0);
  // A source is compared by content: links are fetched again while an entry changes, mostly to the same values.
  const key = JSON.stringify(source);

  useEffect(() => {
    let current = true;
    const opened = released.current.then(async () => {
      if (!current || !video.current) return null;
      setMenus(noMenus);
      setFailure('');
      const made = await technique.open(video.current, JSON.parse(key) as Source, {
        menus: (m) => current && setMenus(m),
        fail: (message) => current && setFailure(message),
      });
      if (current) {
        engine.current = made;
        if (place.current.position > 0) resume(video.current, place.current);
      }
      return made;
    });
    opened.catch((error: unknown) => current && setFailure(error instanceof Error ? error.message : String(error)));
    const element = video.current;
    return () => {
      current = false;
      if (element) place.current = { position: element.currentTime, playing: !element.paused };
      engine.current = null;
      released.current = opened.then((made) => made?.destroy()).catch(() => undefined);
    };
  }, [video, technique, key, attempt]);

  return { menus, failure, engine, retry: () => setAttempt((n) => n + 1) };
}
