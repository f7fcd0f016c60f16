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
  media_type: 'video' | 'image' | 'audio';
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
}

export interface System {
  status: 'ok' | 'degraded' | 'failed';
  version: string;
  started_at: string;
  now: string;
  isolation: { level: string; mechanisms: string[]; missing: string[] };
  components: Component[];
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

async function call<T>(method: string, path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { method, signal, headers: { Accept: 'application/json' } });
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

export const api = {
  entries: (q: EntryQuery, signal?: AbortSignal) => call<EntryPage>('GET', entriesPath(q), signal),
  entry: (id: string, signal?: AbortSignal) => call<EntryDetail>('GET', entryPath(id), signal),
  deleteEntry: (id: string) => call<void>('DELETE', entryPath(id)),
  retryEntry: (id: string) => call<{ retried: number }>('POST', `${entryPath(id)}/retry`),
  deadTasks: (limit: number, offset: number, signal?: AbortSignal) =>
    call<TaskPage>('GET', `/v1/tasks?state=dead&limit=${limit}&offset=${offset}`, signal),
  retryTask: (id: number) => call<void>('POST', `/v1/tasks/${id}/retry`),
  work: (signal?: AbortSignal) => call<Work>('GET', '/v1/work', signal),
  uploads: (signal?: AbortSignal) => call<{ uploads: RecentUpload[]; total: number }>('GET', '/v1/uploads', signal),
  system: (signal?: AbortSignal) => call<System>('GET', '/v1/system', signal),
};
