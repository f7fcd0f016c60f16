import type { BulkJob, BulkStatus, Entry, EntryStatus, Task, TaskState } from './api';

export interface Look {
  label: string;
  color: string;
}

const entryLooks: Record<EntryStatus, Look> = {
  import: { label: 'Importing', color: 'blue' },
  pending: { label: 'Pending', color: 'gray' },
  preconvert: { label: 'Processing', color: 'blue' },
  ready: { label: 'Ready', color: 'teal' },
  no_content: { label: 'No content', color: 'gray' },
  deleted: { label: 'Deleted', color: 'gray' },
  error_importing: { label: 'Import failed', color: 'red' },
  error_converting: { label: 'Failed', color: 'red' },
};

/** entryLook is how the state of an entry reads; an entry that plays before it is complete says so. */
export function entryLook(entry: Pick<Entry, 'status' | 'playable'>): Look {
  if (entry.status === 'preconvert' && entry.playable) return { label: 'Playable', color: 'cyan' };
  return entryLooks[entry.status] ?? { label: entry.status, color: 'gray' };
}

const taskColors: Record<TaskState, string> = {
  waiting: 'gray',
  runnable: 'indigo',
  queued: 'violet',
  running: 'blue',
  done: 'teal',
  dead: 'red',
  cancelled: 'orange',
};

export const taskColor = (state: TaskState) => taskColors[state] ?? 'gray';

/** The states that are counted: work to come, in hand, or given up. */
export const countedStates: TaskState[] = ['waiting', 'runnable', 'queued', 'running', 'dead'];

export const isWorking = (entry: Pick<Entry, 'status'>) =>
  entry.status === 'import' || entry.status === 'preconvert' || entry.status === 'pending';

export const hasFailed = (entry: Pick<Entry, 'status'>) => entry.status === 'error_importing' || entry.status === 'error_converting';

const bulkLooks: Record<BulkStatus, Look> = {
  waiting: { label: 'Waiting', color: 'gray' },
  running: { label: 'Running', color: 'blue' },
  done: { label: 'Done', color: 'teal' },
  partial: { label: 'Done in part', color: 'orange' },
  failed: { label: 'Failed', color: 'red' },
  aborted: { label: 'Aborted', color: 'gray' },
};

export const bulkLook = (job: Pick<BulkJob, 'status'>): Look => bulkLooks[job.status] ?? { label: job.status, color: 'gray' };

/** A job that is not over yet. */
export const isOpen = (job: Pick<BulkJob, 'status'>) => job.status === 'waiting' || job.status === 'running';

/** Filters of the entries list: names for people over the statuses of the API. */
export const filters = [
  { value: 'all', label: 'All', statuses: [] },
  { value: 'working', label: 'Processing', statuses: ['import', 'preconvert', 'pending'] },
  { value: 'ready', label: 'Ready', statuses: ['ready'] },
  { value: 'failed', label: 'Failed', statuses: ['error_importing', 'error_converting'] },
] satisfies { value: string; label: string; statuses: EntryStatus[] }[];

const stageNames: Record<string, string> = {
  fetch: 'Download',
  early: 'Early plan',
  follow: 'Early sound',
  import: 'Import',
  scan: 'Virus scan',
  clip: 'Clip',
  adopt: 'Adopt',
  probe: 'Probe',
  plan: 'Plan',
  transcode: 'Transcode',
  assemble: 'Assemble',
  thumbs: 'Thumbnails',
  captions: 'Captions',
  finish: 'Finish',
};

export const stageName = (stage: string) => stageNames[stage] ?? stage;

/** taskName is what a task is called among the others of its stage; '' for one that is alone. */
export const taskName = (task: Pick<Task, 'stage' | 'name'>) => (task.name === task.stage ? '' : task.name);
