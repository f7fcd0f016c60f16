/** The console's JSON interface: one type a noun, one function a route. Times are RFC 3339, sizes bytes, rates bits a second. */

export type EntryStatus =
  | 'import'
  | 'preconvert'
  | 'ready'
  | 'pending'
  | 'no_content'
  | 'deleted'
  | 'error_importing'
  | 'error_converting';

export type TaskState = 'waiting' | 'runnable' | 'queued' | 'running' | 'done' | 'dead' | 'cancelled';

/** How far the work on an entry is. `done` and `total` share one unit that means nothing by itself. */
export interface Progress {
  done: number;
  total: number;
  stage: string;
}

export interface Entry {
  id: string;
  account: number;
  name: string;
  description: string;
  reference_id: string;
  tags: string[];
  media_type: 'video' | 'image' | 'audio' | 'unknown';
  status: EntryStatus;
  version: number;
  duration_ms: number;
  width: number;
  height: number;
  /** Bytes of every stored object of the entry. */
  size: number;
  error_code: string;
  error_text: string;
  playable: boolean;
  poster: string;
  progress: Progress | null;
  playable_at: string | null;
  ready_at: string | null;
  created_at: string;
  updated_at: string;
  revision: number;
}

export interface Asset {
  id: string;
  type: 'flavor' | 'thumb' | 'caption' | 'attachment' | 'storyboard';
  status: 'error' | 'queued' | 'converting' | 'ready' | 'deleted' | 'importing';
  name: string;
  original: boolean;
  container: string;
  codec: string;
  kind: string;
  width: number;
  height: number;
  frame_rate: number;
  bit_rate: number;
  size: number;
  parts: number;
  language: string;
  title: string;
  default: boolean;
  error_text: string;
  props: unknown;
}

export interface Task {
  id: number;
  entry_id: string;
  stage: string;
  name: string;
  state: TaskState;
  optional: boolean;
  attempt: number;
  max_attempts: number;
  worker: string;
  done: number;
  total: number;
  bytes: number;
  error_code: string;
  error_text: string;
  created_at: string | null;
  not_before: string | null;
  started_at: string | null;
  finished_at: string | null;
}

export type FolderFileState =
  | 'uploading'
  | 'pending'
  | 'waiting'
  | 'handled'
  | 'ignored'
  | 'deleted'
  | 'purged'
  | 'no_match'
  | 'error_handling'
  | 'error_deleting'
  | 'downloading'
  | 'error_downloading'
  | 'processing'
  | 'parsed'
  | 'detected';

/** A folder whose files become entries. */
export interface DropFolder {
  id: number;
  account: number;
  name: string;
  type: string;
  handler: string;
  path: string;
  host: string;
  state: 'enabled' | 'disabled' | 'error';
  error_code: number;
  error_text: string;
  last_access: string | null;
  counts: Partial<Record<FolderFileState, number>>;
}

export interface FolderFile {
  id: number;
  folder: number;
  account: number;
  path: string;
  state: FolderFileState;
  size: number;
  done: number;
  entry_id: string;
  job: number;
  error_code: string;
  /** Why the file is where it is. */
  reason: string;
  warning: string;
  detected_by: string;
  attempt: number;
  next_at: string | null;
  seen_at: string | null;
  updated_at: string | null;
  paused_at: string | null;
}

export interface FolderFilePage {
  files: FolderFile[];
  total: number;
}

export interface FolderFileQuery {
  folder: number | null;
  states: FolderFileState[];
  search: string;
  limit: number;
  offset: number;
}

export type LinkKind = 'hls_fmp4' | 'hls_ts' | 'dash' | 'progressive' | 'audio' | 'poster' | 'storyboard' | 'caption' | 'original';

/** Where one output of an entry can be had. */
export interface Link {
  kind: LinkKind;
  label: string;
  url: string;
  language?: string;
  default?: boolean;
}

export interface EntryDetail {
  entry: Entry;
  assets: Asset[];
  tasks: Task[];
  links: Link[];
  probe: unknown;
}

export interface EntryPage {
  entries: Entry[];
  total: number;
}

export interface TaskPage {
  tasks: Task[];
  total: number;
}

export interface StageCounts {
  stage: string;
  counts: Partial<Record<TaskState, number>>;
}

export interface Work {
  stages: StageCounts[];
  dead: number;
}

export interface Component {
  name: string;
  version?: string;
  status: 'ok' | 'degraded' | 'failed';
  detail?: string;
  /** How long it took to answer, in microseconds. */
  took_us?: number;
}

/** A disk that the server fills, in bytes; with less than the reserve, new files wait. */
export interface Volume {
  name: string;
  size: number;
  free: number;
  reserve: number;
}

/** A process that runs tasks. */
export interface Worker {
  name: string;
  stages: string[];
  /** How long it has not been heard of; some seconds for one that lives. */
  silent_ms: number;
  running: Task[];
}

export interface System {
  status: 'ok' | 'degraded' | 'failed';
  version: string;
  started_at: string;
  now: string;
  isolation: { level: string; mechanisms: string[]; missing: string[] };
  components: Component[];
  volumes: Volume[];
  workers: Worker[];
  metrics_url: string;
}

/** An upload that came in lately, by whatever door. */
export interface RecentUpload {
  id: string;
  file_name: string;
  /** Bytes that were announced, 0 for nothing. */
  size: number;
  received: number;
  state: 'waiting' | 'arriving' | 'complete' | 'used' | 'given_up' | 'deleted';
  carrier: string;
  created_at: string;
  updated_at: string;
  entry: Entry | null;
}

export type BulkStatus = 'waiting' | 'running' | 'done' | 'partial' | 'failed' | 'aborted';

/** A document whose items make, change and delete entries. */
export interface BulkJob {
  id: number;
  account: number;
  file_name: string;
  type: string;
  status: BulkStatus;
  uploaded_by: string;
  dry_run: boolean;
  strict: boolean;
  size: number;
  /** Items: all (0 until they are counted), dealt with, and failed. */
  total: number;
  done: number;
  failed: number;
  error: string;
  created_at: string | null;
  started_at: string | null;
  finished_at: string | null;
}

/** What became of one item of a bulk job. */
export interface BulkItem {
  line: number;
  fileLine: number;
  status: 'ok' | 'error' | 'in progress';
  action: string;
  entryId?: string;
  referenceId?: string;
  name?: string;
  errorCode?: string;
  error?: string;
}

export interface BulkPage {
  jobs: BulkJob[];
  total: number;
}

export interface BulkDetail {
  job: BulkJob;
  items: BulkItem[];
  total: number;
}

export type EntryOrder = 'created' | 'updated' | 'name' | 'duration';

export interface EntryQuery {
  search: string;
  status: EntryStatus[];
  order: EntryOrder;
  descending: boolean;
  limit: number;
  offset: number;
}

/** A refusal by the server, with its stable code. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

async function call<T>(method: string, path: string, signal?: AbortSignal, document?: Blob): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { method, signal, body: document, headers: { Accept: 'application/json' } });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.');
  }
  if (response.status === 204) return undefined as T;
  const body = (await response.json().catch(() => null)) as { error?: { code: string; message: string } } | null;
  if (!response.ok) {
    const error = body?.error;
    throw new ApiError(response.status, error?.code ?? 'http_error', error?.message ?? `The server answered ${response.status}.`);
  }
  return body as T;
}

/** entriesPath is the list's address for a query; exported because it doubles as the cache key. */
export function entriesPath(q: EntryQuery): string {
  const params = new URLSearchParams();
  if (q.search) params.set('search', q.search);
  if (q.status.length > 0) params.set('status', q.status.join(','));
  params.set('order', (q.descending ? '-' : '') + q.order);
  params.set('limit', String(q.limit));
  params.set('offset', String(q.offset));
  return `/v1/entries?${params.toString()}`;
}

const entryPath = (id: string) => `/v1/entries/${encodeURIComponent(id)}`;

export function folderFilesPath(q: FolderFileQuery): string {
  const params = new URLSearchParams();
  if (q.folder !== null) params.set('folder', String(q.folder));
  if (q.states.length > 0) params.set('state', q.states.join(','));
  if (q.search.trim() !== '') params.set('search', q.search.trim());
  params.set('limit', String(q.limit));
  params.set('offset', String(q.offset));
  return `/v1/drop-folders/files?${params}`;
}

export const api = {
  entries: (q: EntryQuery, signal?: AbortSignal) => call<EntryPage>('GET', entriesPath(q), signal),
  entry: (id: string, signal?: AbortSignal) => call<EntryDetail>('GET', entryPath(id), signal),
  deleteEntry: (id: string) => call<void>('DELETE', entryPath(id)),
  retryEntry: (id: string) => call<{ retried: number }>('POST', `${entryPath(id)}/retry`),
  deadTasks: (stage: string, limit: number, offset: number, signal?: AbortSignal) =>
    call<TaskPage>('GET', `/v1/tasks?state=dead&stage=${encodeURIComponent(stage)}&limit=${limit}&offset=${offset}`, signal),
  retryTasks: (stage: string) => call<{ retried: number }>('POST', `/v1/tasks/retry?stage=${encodeURIComponent(stage)}`),
  retryTask: (id: number) => call<void>('POST', `/v1/tasks/${id}/retry`),
  folders: (signal?: AbortSignal) => call<{ folders: DropFolder[] }>('GET', '/v1/drop-folders', signal),
  folderFiles: (q: FolderFileQuery, signal?: AbortSignal) => call<FolderFilePage>('GET', folderFilesPath(q), signal),
  retryFolderFile: (id: number) => call<FolderFile>('POST', `/v1/drop-folders/files/${id}/retry`),
  ignoreFolderFile: (id: number) => call<FolderFile>('POST', `/v1/drop-folders/files/${id}/ignore`),
  deleteFolderFile: (id: number) => call<FolderFile>('DELETE', `/v1/drop-folders/files/${id}`),
  work: (signal?: AbortSignal) => call<Work>('GET', '/v1/work', signal),
  uploads: (signal?: AbortSignal) => call<{ uploads: RecentUpload[]; total: number }>('GET', '/v1/uploads', signal),
  bulkJobs: (limit: number, offset: number, signal?: AbortSignal) => call<BulkPage>('GET', `/v1/bulk?limit=${limit}&offset=${offset}`, signal),
  bulkJob: (id: string, errors: boolean, limit: number, offset: number, signal?: AbortSignal) =>
    call<BulkDetail>('GET', `/v1/bulk/${encodeURIComponent(id)}?errors=${errors}&limit=${limit}&offset=${offset}`, signal),
  addBulk: ({ file, dryRun, strict }: { file: File; dryRun: boolean; strict: boolean }) =>
    call<BulkJob>('POST', `/v1/bulk?name=${encodeURIComponent(file.name)}&dry_run=${dryRun}&strict=${strict}`, undefined, file),
  abortBulk: (id: number) => call<void>('POST', `/v1/bulk/${id}/abort`),
  system: (signal?: AbortSignal) => call<System>('GET', '/v1/system', signal),
};
