import { describe, expect, it } from 'vitest';
import type { Entry } from '../api';
import { emptyLive, keptEntries, overlay, reduceLive, type LiveState } from './reduce';

function entry(id: string, change: Partial<Entry> = {}): Entry {
  return {
    id, account: 1, name: id, description: '', reference_id: '', tags: [], media_type: 'video', status: 'preconvert',
    version: 1, duration_ms: 0, width: 0, height: 0, size: 0, error_code: '', error_text: '', playable: false, poster: '',
    progress: null, playable_at: null, ready_at: null, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z',
    revision: 1, ...change,
  };
}

const work = { stages: [], dead: 0 };
const with1: LiveState = reduceLive(emptyLive, { type: 'snapshot', entries: [entry('a')], work });

describe('reduceLive', () => {
  it('replaces everything on a snapshot and asks for fresh lists', () => {
    const next = reduceLive(with1, { type: 'snapshot', entries: [entry('b')], work });
    expect([...next.entries.keys()]).toEqual(['b']);
    expect(next.generation).toBe(with1.generation + 1);
  });

  it('takes progress without asking for fresh lists', () => {
    const progress = { done: 1, total: 2, stage: 'transcode' };
    const next = reduceLive(with1, { type: 'entry', entry: entry('a', { progress }) });
    expect(next.entries.get('a')?.progress).toEqual(progress);
    expect(next.generation).toBe(with1.generation);
  });

  it('asks for fresh lists when an entry is new, changes state or becomes playable', () => {
    for (const e of [entry('new'), entry('a', { status: 'ready' }), entry('a', { playable: true })]) {
      expect(reduceLive(with1, { type: 'entry', entry: e }).generation).toBe(with1.generation + 1);
    }
  });

  it('ignores an entry older than the known one', () => {
    const newer = reduceLive(with1, { type: 'entry', entry: entry('a', { revision: 5, name: 'new' }) });
    expect(reduceLive(newer, { type: 'entry', entry: entry('a', { revision: 4 }) })).toBe(newer);
  });

  it('forgets a deleted entry', () => {
    const next = reduceLive(with1, { type: 'deleted', id: 'a' });
    expect(next.entries.has('a')).toBe(false);
    expect(overlay([entry('a'), entry('b')], next).map((e) => e.id)).toEqual(['b']);
  });

  it('keeps a bounded number of entries, the latest told', () => {
    let state = emptyLive;
    for (let i = 0; i <= keptEntries; i++) state = reduceLive(state, { type: 'entry', entry: entry(`e${i}`) });
    expect(state.entries.size).toBe(keptEntries);
    expect(state.entries.has('e0')).toBe(false);
    expect(state.entries.has(`e${keptEntries}`)).toBe(true);
  });

  it('does not wake readers when the connection state stays the same', () => {
    expect(reduceLive(emptyLive, { type: 'disconnected' })).toBe(emptyLive);
    const on = reduceLive(emptyLive, { type: 'connected' });
    expect(reduceLive(on, { type: 'connected' })).toBe(on);
  });
});

describe('overlay', () => {
  it('prefers the live row unless the fetched one is newer', () => {
    const live = reduceLive(with1, { type: 'entry', entry: entry('a', { revision: 3, name: 'live' }) });
    expect(overlay([entry('a', { revision: 2 })], live)[0]?.name).toBe('live');
    expect(overlay([entry('a', { revision: 4, name: 'fetched' })], live)[0]?.name).toBe('fetched');
  });
});
