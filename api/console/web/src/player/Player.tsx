import { ActionIcon, Alert, Button, Loader, Text } from '@mantine/core';
import { IconAlertTriangle, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useRef, type KeyboardEvent } from 'react';
import { Controls } from './Controls';
import { off, type Source, type Technique } from './engine';
import classes from './Player.module.css';
import { useEngine } from './useEngine';
import { useMedia } from './useMedia';
import { useStoryboard } from './useStoryboard';

interface Props {
  technique: Technique;
  source: Source;
  title: string;
  poster?: string;
  storyboard?: string;
}

/** Seconds that the arrow keys move. */
const keyStep = 5;

/** Player plays one source with one technique under controls that are the same for all of them. */
export function Player({ technique, source, title, poster, storyboard }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const { menus, failure, engine, retry } = useEngine(video, technique, source);
  const state = useMedia(video);
  const tiles = useStoryboard(storyboard);

  function toggle() {
    const v = video.current;
    if (!v) return;
    // A refused play() leaves the element paused, which the button then shows.
    if (v.paused) void v.play().catch(() => undefined);
    else v.pause();
  }

  function seek(position: number) {
    const v = video.current;
    if (v) v.currentTime = Math.min(Math.max(0, position), state.duration || position);
  }

  function volume(level: number, muted: boolean) {
    const v = video.current;
    if (!v) return;
    v.volume = level;
    v.muted = muted;
  }

  function fullscreen() {
    const change = document.fullscreenElement ? document.exitFullscreen() : box.current?.requestFullscreen();
    void change?.catch(() => undefined);
  }

  function key(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Keys typed on a slider, a button or a menu are theirs.
    const own = event.target === box.current || event.target === video.current;
    const actions: Record<string, (() => void) | undefined> = {
      k: toggle,
      m: () => volume(state.volume, !state.muted),
      f: fullscreen,
      c: () => engine.current?.setText(menus.text === off ? (menus.texts[0]?.id ?? off) : off),
      ' ': own ? toggle : undefined,
      ArrowLeft: own ? () => seek(state.position - keyStep) : undefined,
      ArrowRight: own ? () => seek(state.position + keyStep) : undefined,
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  const started = state.position > 0 || !state.paused;
  return (
    // The region takes keys for the whole player; everything in it is reachable by Tab as well.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      ref={box}
      className={classes.player}
      role="region"
      aria-label={`Player: ${title}`}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      onKeyDown={key}
      data-playing={state.paused ? undefined : true}
      data-testid="player"
    >
      {/* Captions are added by the engines. A click on the picture repeats the play button, which has the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/media-has-caption */}
      <video ref={video} className={classes.video} poster={poster} playsInline preload="auto" onClick={toggle} />
      <div className={classes.center}>
        {failure ? (
          <Alert color="red" variant="filled" icon={<IconAlertTriangle />} title="This cannot be played" maw={520} role="alert">
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {failure}
            </Text>
            <Button mt="xs" size="xs" variant="white" color="red" onClick={retry}>
              Try again
            </Button>
          </Alert>
        ) : state.waiting ? (
          <Loader color="white" aria-label="Loading" />
        ) : (
          !started && (
            <ActionIcon size={72} radius={36} color="dark" opacity={0.85} aria-label={`Play ${title}`} onClick={toggle}>
              <IconPlayerPlayFilled size={36} />
            </ActionIcon>
          )
        )}
      </div>
      <Controls
        state={state}
        menus={menus}
        tiles={tiles}
        adaptive={technique.kind !== 'progressive'}
        engine={() => engine.current}
        onPlay={toggle}
        onSeek={seek}
        onVolume={volume}
        onFullscreen={fullscreen}
      />
    </div>
  );
}
