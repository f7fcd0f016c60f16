import type { Entry, Work } from '../api';
import type { LiveEvent } from './reduce';

/** delays before trying again, in milliseconds; the last one repeats. */
export const retryDelays = [500, 1000, 2000, 5000, 10_000];

export const retryDelay = (failures: number) => retryDelays[Math.min(failures, retryDelays.length - 1)] ?? 10_000;

/**
 * openSource keeps an event stream open until the returned function is called. The browser reconnects by itself after a
 * broken connection, but gives up after an HTTP error (a proxy's 502 while the server restarts): then a new stream is
 * opened here, which names the last event seen so that the server can go on after it.
 */
export function openSource(url: string, emit: (event: LiveEvent) => void): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let lastID = '';

  function listen<T>(name: string, toEvent: (data: T) => LiveEvent) {
    source?.addEventListener(name, (message: MessageEvent<string>) => {
      if (message.lastEventId) lastID = message.lastEventId;
      emit(toEvent(JSON.parse(message.data) as T));
    });
  }

  function open() {
    source = new EventSource(lastID ? `${url}?last_event_id=${encodeURIComponent(lastID)}` : url);
    source.onopen = () => {
      failures = 0;
      emit({ type: 'connected' });
    };
    source.onerror = () => {
      emit({ type: 'disconnected' });
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, retryDelay(failures++));
    };
    listen<{ entries: Entry[]; work: Work }>('snapshot', (data) => ({ type: 'snapshot', ...data }));
    listen<Entry>('entry', (data) => ({ type: 'entry', entry: data }));
    listen<{ id: string }>('deleted', (data) => ({ type: 'deleted', id: data.id }));
    listen<Work>('work', (data) => ({ type: 'work', work: data }));
  }

  open();
  return () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
}
