import { useEffect, useRef, useState, type RefObject } from 'react';
import { noMenus, type Engine, type Menus, type Source, type Technique } from './engine';

export interface EngineHandle {
  menus: Menus;
  failure: string;
  engine: RefObject<Engine | null>;
}

/**
 * useEngine binds a technique to the video element and undoes it when the technique or the source changes. Engines share
 * one element, so the next is opened only after the one before has let go of it.
 */
export function useEngine(video: RefObject<HTMLVideoElement | null>, technique: Technique, source: Source): EngineHandle {
  const engine = useRef<Engine | null>(null);
  const released = useRef<Promise<void>>(Promise.resolve());
  const [menus, setMenus] = useState<Menus>(noMenus);
  const [failure, setFailure] = useState('');
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
      if (current) engine.current = made;
      return made;
    });
    opened.catch((error: unknown) => current && setFailure(error instanceof Error ? error.message : String(error)));
    return () => {
      current = false;
      engine.current = null;
      released.current = opened.then((made) => made?.destroy()).catch(() => undefined);
    };
  }, [video, technique, key]);

  return { menus, failure, engine };
}
