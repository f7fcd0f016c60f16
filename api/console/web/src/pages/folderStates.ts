import type { FolderFile, FolderFileState } from '../api';
import type { Look } from '../states';

const looks: Record<FolderFileState, Look> = {
  uploading: { label: 'Arriving', color: 'blue' },
  detected: { label: 'Transfer', color: 'blue' },
  parsed: { label: 'Expected', color: 'gray' },
  pending: { label: 'Complete', color: 'indigo' },
  waiting: { label: 'Waiting', color: 'yellow' },
  no_match: { label: 'No match', color: 'yellow' },
  downloading: { label: 'Downloading', color: 'blue' },
  processing: { label: 'Processing', color: 'blue' },
  handled: { label: 'Handled', color: 'teal' },
  purged: { label: 'Gone', color: 'gray' },
  ignored: { label: 'Ignored', color: 'gray' },
  deleted: { label: 'Deleting', color: 'gray' },
  error_handling: { label: 'Failed', color: 'red' },
  error_downloading: { label: 'Download failed', color: 'red' },
  error_deleting: { label: 'Not removed', color: 'red' },
};

export const fileLook = (state: FolderFileState): Look => looks[state] ?? { label: state, color: 'gray' };

/** Filters of the files list; without states, everything that is, or should be, in a folder. */
export const fileFilters = [
  { value: 'flight', label: 'In flight', states: ['uploading', 'detected', 'parsed', 'pending', 'waiting', 'no_match', 'downloading', 'processing', 'deleted'] },
  { value: 'failed', label: 'Failed', states: ['error_handling', 'error_downloading', 'error_deleting'] },
  { value: 'handled', label: 'Handled', states: ['handled', 'purged'] },
  { value: 'ignored', label: 'Ignored', states: ['ignored'] },
  { value: 'all', label: 'All', states: [] },
] satisfies { value: string; label: string; states: FolderFileState[] }[];

const retryable: FolderFileState[] = ['ignored', 'waiting', 'no_match', 'error_handling', 'error_downloading', 'error_deleting'];
const final: FolderFileState[] = ['purged', 'deleted'];
const busy: FolderFileState[] = ['processing', 'downloading', 'ignored'];

const failures: FolderFileState[] = ['error_handling', 'error_downloading', 'error_deleting'];

export const hasFailed = (file: Pick<FolderFile, 'state'>) => failures.includes(file.state);
export const canRetry = (file: Pick<FolderFile, 'state'>) => retryable.includes(file.state);
export const canIgnore = (file: Pick<FolderFile, 'state'>) => !final.includes(file.state) && !busy.includes(file.state);
export const canDelete = (file: Pick<FolderFile, 'state'>) => !final.includes(file.state);

/** counted sums the files of a folder over states. */
export const counted = (counts: Partial<Record<FolderFileState, number>>, states: readonly FolderFileState[]) =>
  states.reduce((sum, s) => sum + (counts[s] ?? 0), 0);
