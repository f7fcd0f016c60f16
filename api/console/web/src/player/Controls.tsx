import { ActionIcon, Group, Slider, Text, Tooltip } from '@mantine/core';
import {
  IconBadgeCc,
  IconLanguage,
  IconMaximize,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconSettings,
  IconVolume,
  IconVolumeOff,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { clock } from '../format';
import { auto, off, type Engine, type Menus } from './engine';
import classes from './Player.module.css';
import { SeekBar } from './SeekBar';
import type { Tile } from './storyboard';
import { TrackMenu } from './TrackMenu';
import type { MediaState } from './useMedia';

interface Props {
  state: MediaState;
  menus: Menus;
  tiles: Tile[];
  adaptive: boolean;
  engine: () => Engine | null;
  onPlay: () => void;
  onSeek: (position: number) => void;
  onVolume: (volume: number, muted: boolean) => void;
  onFullscreen: () => void;
}

function Button({ label, onClick, children }: { label: string; onClick: () => void; children: ReactNode }) {
  return (
    <Tooltip label={label} withinPortal={false}>
      <ActionIcon variant="transparent" className={classes.button} aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

/** Controls is the bar over the picture; it holds no state of its own. */
export function Controls({ state, menus, tiles, adaptive, engine, onPlay, onSeek, onVolume, onFullscreen }: Props) {
  const silent = state.muted || state.volume === 0;
  const adapt = { id: auto, label: menus.quality === auto && menus.playing ? `Auto (${menus.playing})` : 'Auto' };
  return (
    <div className={classes.controls}>
      <SeekBar position={state.position} duration={state.duration} buffered={state.buffered} tiles={tiles} onSeek={onSeek} />
      <Group gap={4} wrap="nowrap">
        <Button label={state.paused ? 'Play (k)' : 'Pause (k)'} onClick={onPlay}>
          {state.paused ? <IconPlayerPlayFilled size={20} /> : <IconPlayerPauseFilled size={20} />}
        </Button>
        <Button label={silent ? 'Unmute (m)' : 'Mute (m)'} onClick={() => onVolume(state.volume || 1, !silent)}>
          {silent ? <IconVolumeOff size={20} /> : <IconVolume size={20} />}
        </Button>
        <Slider
          w={70}
          size="xs"
          color="gray.0"
          thumbSize={10}
          label={null}
          min={0}
          max={1}
          step={0.05}
          value={silent ? 0 : state.volume}
          onChange={(volume) => onVolume(volume, volume === 0)}
          thumbLabel="Volume"
          visibleFrom="xs"
          classNames={{ track: classes.seekTrack }}
        />
        <Text size="sm" ml={8} flex={1} style={{ fontVariantNumeric: 'tabular-nums' }} data-testid="position">
          {clock(state.position)} / {clock(state.duration)}
        </Text>
        {state.height > 0 && (
          <Text size="xs" mr={6} opacity={0.8} data-testid="picture" visibleFrom="xs">
            {state.width}×{state.height}
          </Text>
        )}
        <TrackMenu
          label="Captions (c)"
          icon={<IconBadgeCc size={22} />}
          choices={menus.texts.length > 0 ? [{ id: off, label: 'Off' }, ...menus.texts] : []}
          value={menus.text}
          active={menus.text !== off}
          onChange={(id) => engine()?.setText(id)}
        />
        <TrackMenu
          label="Audio"
          icon={<IconLanguage size={22} />}
          choices={menus.audios}
          value={menus.audio}
          onChange={(id) => engine()?.setAudio(id)}
        />
        <TrackMenu
          label="Quality"
          icon={<IconSettings size={22} />}
          choices={adaptive && menus.qualities.length > 0 ? [adapt, ...menus.qualities] : menus.qualities}
          value={menus.quality}
          active={adaptive && menus.quality !== auto}
          onChange={(id) => engine()?.setQuality(id)}
        />
        <Button label="Full screen (f)" onClick={onFullscreen}>
          <IconMaximize size={20} />
        </Button>
      </Group>
    </div>
  );
}
