import { fingerprintOf, memory, type Remembered } from './memory';
import { nameProblem } from './names';
import { Meter, split, type Part } from './parts';
import { create, Refused, send, still, terminate } from './protocol';
import type { Chosen } from './drop';

/** What an uploader says of a file; empty fields say nothing. */
export interface Details {
  name: string;
  description: string;
  tags: string;
  categories: string;
  referenceId: string;
}

export const noDetails: Details = { name: '', description: '', tags: '', categories: '', referenceId: '' };

export type State = 'chosen' | 'queued' | 'sending' | 'waiting' | 'paused' | 'sent' | 'failed';

export interface Item {
  id: number;
  file: File;
  path: string;
  state: State;
  /** Why it failed, or what it waits for. */
  reason: string;
  details: Details;
  /** Bytes that are at the server or on their way there. */
  sent: number;
  rate: number;
  url: string;
  entry: string;
}

interface Work {
  item: Item;
  left: Part[];
  active: Map<Part, number>;
  confirmed: number;
  meter: Meter;
  stop: AbortController;
  /** When it may be tried again, in milliseconds since the epoch. */
  notBefore: number;
}

/** Files that are sent at the same time. */
const maxFiles = 3;
/** Parts that are sent at the same time, of all files: HTTP/1 has six connections, and the page needs some itself. */
const partsAtOnce = () => {
  const [page] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  return page && /^h[23]/.test(page.nextHopProtocol) ? 12 : 4;
};
/** When the waits of one request are used up, the next try comes after so long, in milliseconds. */
const pauseMs = 60_000;

/** Manager sends files. There is one for the whole application, so that uploads go on while other pages are shown. */
export class Manager {
  private works: Work[] = [];
  private unfinished: Remembered[] = [];
  private listeners = new Set<() => void>();
  private nextId = 1;
  private snapshot: { items: Item[]; unfinished: Remembered[] } = { items: [], unfinished: [] };
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    window.addEventListener('beforeunload', (event) => {
      if (this.works.some((w) => w.item.state === 'sending' || w.item.state === 'queued')) event.preventDefault();
    });
    window.addEventListener('online', () => {
      for (const w of this.works) w.notBefore = 0;
      this.step();
    });
    void this.recall();
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  read = () => this.snapshot;

  /** add takes files in that were chosen; those that are here already are left out. */
  add(chosen: Chosen[], details: Details): void {
    for (const { file, path } of chosen) {
      if (this.works.some((w) => w.item.path === path && w.item.file.size === file.size && w.item.state !== 'failed' && w.item.state !== 'sent')) continue;
      const problem = nameProblem(file.name) || (file.size === 0 ? 'The file is empty.' : '');
      const item: Item = {
        id: this.nextId++, file, path, state: problem ? 'failed' : 'chosen', reason: problem, details: { ...details, name: '' }, sent: 0, rate: 0, url: '', entry: '',
      };
      this.works.push({ item, left: [], active: new Map(), confirmed: 0, meter: new Meter(), stop: new AbortController(), notBefore: 0 });
    }
    this.changed();
  }

  describe(id: number, details: Details): void {
    const w = this.find(id);
    if (w) this.set(w, { details });
  }

  start(): void {
    for (const w of this.works) if (w.item.state === 'chosen') this.set(w, { state: 'queued' });
    this.step();
  }

  pause(id?: number): void {
    for (const w of this.pick(id)) {
      if (!['queued', 'sending', 'waiting'].includes(w.item.state)) continue;
      this.halt(w);
      this.set(w, { state: 'paused', reason: '', rate: 0 });
    }
    this.step();
  }

  resume(id?: number): void {
    for (const w of this.pick(id)) {
      if (w.item.state !== 'paused' && !(w.item.state === 'failed' && w.item.url)) continue;
      w.notBefore = 0;
      this.set(w, { state: 'queued', reason: '' });
    }
    this.step();
  }

  /** remove takes a file off the list; an upload that is not finished is given up at the server, too. */
  async remove(id: number): Promise<void> {
    const w = this.find(id);
    if (!w) return;
    this.halt(w);
    this.works = this.works.filter((other) => other !== w);
    this.changed();
    this.step();
    if (w.item.url && w.item.state !== 'sent') await this.giveUp(fingerprintOf(w.item.file, w.item.path), w.item.url);
  }

  /** clear takes finished files off the list. */
  clear(): void {
    this.works = this.works.filter((w) => w.item.state !== 'sent' && !(w.item.state === 'failed' && !w.item.url));
    this.changed();
  }

  /** forget gives an upload of before up. */
  async forget(r: Remembered): Promise<void> {
    await this.giveUp(r.fingerprint, r.url);
    await this.recall();
  }

  private async giveUp(fingerprint: string, url: string): Promise<void> {
    await terminate(url).catch(() => undefined); // it ends by itself after its lifetime
    await memory.forget(fingerprint).catch(() => undefined);
  }

  private pick = (id?: number) => (id === undefined ? this.works : this.works.filter((w) => w.item.id === id));

  private find = (id: number) => this.works.find((w) => w.item.id === id);

  private halt(w: Work): void {
    w.stop.abort();
    w.stop = new AbortController();
    w.left = [...w.active.keys(), ...w.left].sort((a, b) => a.from - b.from);
    w.active.clear();
    w.meter.reset();
  }

  private set(w: Work, change: Partial<Item>): void {
    w.item = { ...w.item, ...change };
    this.changed();
  }

  private changed(): void {
    this.snapshot = { items: this.works.map((w) => w.item), unfinished: this.open() };
    for (const listener of this.listeners) listener();
  }

  /** open are the uploads of before whose files are not on the list. */
  private open(): Remembered[] {
    const here = new Set(this.works.map((w) => fingerprintOf(w.item.file, w.item.path)));
    return this.unfinished.filter((r) => !here.has(r.fingerprint));
  }

  private async recall(): Promise<void> {
    this.unfinished = await memory.all().catch(() => []);
    this.changed();
  }

  /** step starts what may be started now. */
  private step(): void {
    const now = Date.now();
    const sending = this.works.filter((w) => w.item.state === 'sending');
    for (const w of this.works) {
      if (sending.length >= maxFiles) break;
      if ((w.item.state !== 'queued' && w.item.state !== 'waiting') || w.notBefore > now) continue;
      sending.push(w);
      this.set(w, { state: 'sending', reason: '' });
      void this.begin(w);
    }
    let free = partsAtOnce() - this.works.reduce((n, w) => n + w.active.size, 0);
    // One part of each file in turn, so that the first file does not take all.
    for (let taken = true; taken && free > 0; ) {
      taken = false;
      for (const w of sending) {
        const part = free > 0 && w.item.url ? w.left.shift() : undefined;
        if (!part) continue;
        taken = true;
        free--;
        void this.sendPart(w, part);
      }
    }
    this.watch();
  }

  /** begin makes the upload, or finds the one of before. */
  private async begin(w: Work): Promise<void> {
    if (w.item.url) return;
    const { signal } = w.stop;
    const { file, path, details } = w.item;
    const fingerprint = fingerprintOf(file, path);
    try {
      const known = await memory.get(fingerprint).catch(() => undefined);
      const offset = known ? await still(known.url, signal) : null;
      let made = offset === null || !known ? null : { url: known.url, entry: known.entry };
      if (!made) {
        const name = details.name || file.name;
        made = await create(file.size, { filename: file.name, filetype: file.type, relativePath: path, ...details, name }, signal);
        await memory.put({ fingerprint, ...made, name: path, size: file.size, startedAt: Date.now() }).catch(() => undefined);
      }
      if (signal.aborted) return;
      const parts = split(file.size);
      w.left = parts.filter((part) => part.to > (offset ?? 0));
      w.confirmed = parts.reduce((n, part) => n + (part.to > (offset ?? 0) ? 0 : part.to - part.from), 0);
      this.set(w, made);
      if (w.left.length === 0) await this.done(w);
      this.step();
    } catch (error) {
      this.failed(w, error, signal);
    }
  }

  private async sendPart(w: Work, part: Part): Promise<void> {
    const { signal } = w.stop;
    w.active.set(part, 0);
    try {
      await send(w.item.file, w.item.url, part, (sent) => signal.aborted || this.progress(w, part, sent), signal);
      if (signal.aborted) return;
      w.active.delete(part);
      w.confirmed += part.to - part.from;
      if (w.left.length === 0 && w.active.size === 0) await this.done(w);
      this.step();
    } catch (error) {
      if (!signal.aborted) w.left.unshift(part);
      w.active.delete(part);
      this.failed(w, error, signal);
    }
  }

  private progress(w: Work, part: Part, sent: number): void {
    w.active.set(part, sent);
    this.measure(w);
  }

  private measure(w: Work): void {
    let sent = w.confirmed;
    for (const n of w.active.values()) sent += n;
    w.meter.add(Date.now(), sent);
    w.item = { ...w.item, sent: Math.min(sent, w.item.file.size) };
  }

  private async done(w: Work): Promise<void> {
    this.set(w, { state: 'sent', sent: w.item.file.size, rate: 0, reason: '' });
    await memory.forget(fingerprintOf(w.item.file, w.item.path)).catch(() => undefined);
    await this.recall();
  }

  private failed(w: Work, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.halt(w);
    w.notBefore = Date.now() + pauseMs;
    if (error instanceof Refused) {
      this.set(w, { state: 'failed', reason, rate: 0 });
      void memory.forget(fingerprintOf(w.item.file, w.item.path)).catch(() => undefined);
    } else {
      this.set(w, { state: 'waiting', reason: `${reason} It is tried again in a minute.`, rate: 0 });
    }
    this.step();
  }

  /** watch renews the figures twice a second while something moves. */
  private watch(): void {
    const busy = this.works.some((w) => w.item.state === 'sending' || w.item.state === 'waiting');
    if (busy && !this.timer) {
      this.timer = setInterval(() => {
        for (const w of this.works) if (w.item.state === 'sending') w.item = { ...w.item, rate: w.meter.rate(Date.now()) };
        this.changed();
        this.step();
      }, 500);
    }
    if (!busy && this.timer) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }
}

export const manager = new Manager();
