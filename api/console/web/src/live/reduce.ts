import type { Entry, Work } from '../api';

/** What the event stream has told so far. */
export interface LiveState {
  connected: boolean;
  entries: ReadonlyMap<string, Entry>;
  deleted: ReadonlySet<string>;
  work: Work | null;
  /** Grows whenever a list fetched earlier may no longer hold the right rows: an entry came, went or changed its state. */
  generation: number;
}

export type LiveEvent =
  | { type: 'connected' }
  | { type: 'disconnected' }
  | { type: 'snapshot'; entries: Entry[]; work: Work }
  | { type: 'entry'; entry: Entry }
  | { type: 'deleted'; id: string }
  | { type: 'work'; work: Work };

export const emptyLive: LiveState = {
  connected: false,
  entries: new Map(),
  deleted: new Set(),
  work: null,
  generation: 0,
};

/** Entries kept at most; the oldest told go first. A list only overlays the rows it shows. */
export const keptEntries = 2000;

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case 'connected':
      return state.connected ? state : { ...state, connected: true };
    case 'disconnected':
      return state.connected ? { ...state, connected: false } : state;
    case 'snapshot':
      // The server starts over: what we knew may have changed unseen, so lists must be fetched again.
      return {
        ...state,
        connected: true,
        entries: new Map(event.entries.map((e) => [e.id, e])),
        deleted: new Set(),
        work: event.work,
        generation: state.generation + 1,
      };
    case 'entry':
      return withEntry(state, event.entry);
    case 'deleted': {
      const entries = new Map(state.entries);
      entries.delete(event.id);
      return { ...state, entries, deleted: new Set(state.deleted).add(event.id), generation: state.generation + 1 };
    }
    case 'work':
      return { ...state, work: event.work };
  }
}

function withEntry(state: LiveState, entry: Entry): LiveState {
  const known = state.entries.get(entry.id);
  if (known && known.revision > entry.revision) return state;
  const entries = new Map(state.entries);
  entries.delete(entry.id);
  entries.set(entry.id, entry);
  for (const oldest of entries.keys()) {
    if (entries.size <= keptEntries) break;
    entries.delete(oldest);
  }
  const moved = !known || known.status !== entry.status || known.playable !== entry.playable;
  return { ...state, entries, generation: moved ? state.generation + 1 : state.generation };
}

/** overlay is the fetched rows with newer live ones in their place, without those deleted since. */
export function overlay(rows: Entry[], live: LiveState): Entry[] {
  return rows
    .filter((row) => !live.deleted.has(row.id))
    .map((row) => {
      const newer = live.entries.get(row.id);
      return newer && newer.revision >= row.revision ? newer : row;
    });
}
