import { Slider, Text } from '@mantine/core';
import { useState, type PointerEvent } from 'react';
import { clock } from '../format';
import classes from './Player.module.css';
import { tileAt, type Tile } from './storyboard';

interface Props {
  position: number;
  duration: number;
  buffered: number;
  tiles: Tile[];
  onSeek: (position: number) => void;
}

/** SeekBar is the timeline: a slider for keys and pointers, with the picture at the pointer above it. */
export function SeekBar({ position, duration, buffered, tiles, onSeek }: Props) {
  const [hover, setHover] = useState<{ time: number; x: number; width: number } | null>(null);
  const [drag, setDrag] = useState<number | null>(null);

  function track(event: PointerEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const x = Math.min(box.width, Math.max(0, event.clientX - box.left));
    setHover({ time: (x / box.width) * duration, x, width: box.width });
  }

  const tile = hover && tileAt(tiles, hover.time);
  const previewWidth = tile?.width ?? 56;
  const left = hover ? Math.min(hover.width - previewWidth / 2, Math.max(previewWidth / 2, hover.x)) : 0;
  const shown = drag ?? position;

  return (
    <div className={classes.seek} onPointerMove={track} onPointerLeave={() => setHover(null)} data-testid="seekbar">
      {hover && duration > 0 && (
        <div className={classes.preview} style={{ left }} data-testid="preview">
          {tile && (
            <div
              className={classes.tile}
              data-testid="storyboard-tile"
              style={{ width: tile.width, height: tile.height, background: `url("${tile.url}") -${tile.x}px -${tile.y}px` }}
            />
          )}
          <Text span size="xs" fw={600}>
            {clock(hover.time)}
          </Text>
        </div>
      )}
      <div className={classes.buffered} style={{ width: duration > 0 ? `${Math.min(100, (buffered / duration) * 100)}%` : 0 }} />
      <Slider
        size="sm"
        color="cyan.4"
        thumbSize={14}
        label={null}
        min={0}
        max={duration || 1}
        step={0.1}
        value={Math.min(shown, duration || 1)}
        disabled={duration <= 0}
        onChange={setDrag}
        onChangeEnd={(value) => {
          setDrag(null);
          onSeek(value);
        }}
        thumbLabel={`Position, ${clock(shown)} of ${clock(duration)}`}
        classNames={{ track: classes.seekTrack }}
      />
    </div>
  );
}
