import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveEvent } from './reduce';
import { openSource, retryDelay, retryDelays } from './source';

/** The browser's EventSource, driven by the test. */
class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeSource[] = [];
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeSource.opened.push(this);
  }
  close() {
    this.readyState = FakeSource.CLOSED;
  }
  tell(name: string, data: unknown, lastEventId = '') {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data), lastEventId }));
  }
  /** The browser gives up, as it does after an HTTP error. */
  giveUp() {
    this.readyState = FakeSource.CLOSED;
    this.onerror?.();
  }
}

const opened = () => FakeSource.opened;
const latest = () => opened().at(-1) as FakeSource;

describe('openSource', () => {
  let told: LiveEvent[] = [];
  let close: () => void = () => undefined;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('EventSource', FakeSource);
    FakeSource.opened = [];
    told = [];
    close = openSource('/v1/events', (event) => told.push(event));
  });
  afterEach(() => {
    close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('turns messages into events', () => {
    latest().onopen?.();
    latest().tell('snapshot', { entries: [], work: { stages: [], dead: 1 } });
    latest().tell('deleted', { id: '0_a' });
    latest().tell('work', { stages: [], dead: 2 });
    expect(told).toEqual([
      { type: 'connected' },
      { type: 'snapshot', entries: [], work: { stages: [], dead: 1 } },
      { type: 'deleted', id: '0_a' },
      { type: 'work', work: { stages: [], dead: 2 } },
    ]);
  });

  it('leaves a broken connection to the browser', () => {
    latest().readyState = 0;
    latest().onerror?.();
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([{ type: 'disconnected' }]);
    expect(opened()).toHaveLength(1);
  });

  it('opens anew after the last event seen when the browser gave up', () => {
    latest().tell('work', { stages: [], dead: 0 }, 'boot-1f');
    latest().giveUp();
    expect(opened()).toHaveLength(1);
    vi.advanceTimersByTime(retryDelay(0));
    expect(opened().map((s) => s.url)).toEqual(['/v1/events', '/v1/events?last_event_id=boot-1f']);
  });

  it('waits longer after every failure and starts over after a success', () => {
    for (const delay of [...retryDelays, retryDelays.at(-1) ?? 0]) {
      const before = opened().length;
      latest().giveUp();
      vi.advanceTimersByTime(delay - 1);
      expect(opened()).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(opened()).toHaveLength(before + 1);
    }
    latest().onopen?.();
    latest().giveUp();
    const before = opened().length;
    vi.advanceTimersByTime(retryDelay(0));
    expect(opened()).toHaveLength(before + 1);
  });

  it('stays closed once it was closed', () => {
    latest().giveUp();
    close();
    vi.advanceTimersByTime(60_000);
    expect(opened()).toHaveLength(1);
  });
});
