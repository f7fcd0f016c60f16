import type { Task } from '../api';
import { elapsed } from '../format';

/** One task as a bar on the common time axis of its entry; left and width are percent. */
export interface Bar {
  task: Task;
  left: number;
  width: number;
  /** Milliseconds of running so far, null before the task started. */
  ran: number | null;
  /** Bytes a second over that time, null when there is nothing to divide. */
  rate: number | null;
}

export interface Timeline {
  bars: Bar[];
  /** Milliseconds from the first start to the last end (or now). */
  total: number;
}

/** Bars narrower than this could not be seen. */
const narrowest = 0.5;

/** timeline lays the tasks out from the first start to the last end; unfinished ones reach to `now`. */
export function timeline(tasks: Task[], now: number): Timeline {
  const started = tasks.filter((t) => t.started_at);
  const from = Math.min(...started.map((t) => Date.parse(t.started_at ?? '')));
  const ends = started.map((t) => (t.finished_at ? Date.parse(t.finished_at) : t.state === 'running' ? now : from));
  const total = started.length > 0 ? Math.max(1, Math.max(...ends) - from) : 0;
  const bars = tasks.map((task): Bar => {
    const open = task.state === 'running' || task.finished_at !== null;
    const ran = open ? elapsed(task.started_at, task.finished_at, now) : null;
    if (ran === null || total === 0) return { task, left: 0, width: 0, ran: null, rate: null };
    const left = ((Date.parse(task.started_at ?? '') - from) / total) * 100;
    const width = Math.max(narrowest, (ran / total) * 100);
    return {
      task,
      left: Math.min(left, 100 - narrowest),
      width: Math.min(width, 100 - Math.min(left, 100 - narrowest)),
      ran,
      rate: ran > 0 && task.bytes > 0 ? task.bytes / (ran / 1000) : null,
    };
  });
  return { bars, total };
}
