import { describe, expect, it } from 'vitest';
import type { Task } from '../api';
import { timeline } from './timeline';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
const now = Date.parse(at(20));

function task(change: Partial<Task>): Task {
  return {
    id: 1, entry_id: '0_a', stage: 'probe', name: '', state: 'done', optional: false, attempt: 1, max_attempts: 5, worker: '',
    done: 0, total: 0, bytes: 0, error_code: '', error_text: '', created_at: at(0), not_before: null, started_at: null,
    finished_at: null, ...change,
  };
}

describe('timeline', () => {
  it('spans from the first start to now while a task runs', () => {
    const { bars, total } = timeline(
      [
        task({ started_at: at(0), finished_at: at(5), bytes: 1000 }),
        task({ state: 'running', started_at: at(10) }),
        task({ state: 'waiting' }),
      ],
      now,
    );
    expect(total).toBe(20_000);
    expect(bars.map(({ left, width, ran, rate }) => ({ left, width, ran, rate }))).toEqual([
      { left: 0, width: 25, ran: 5000, rate: 200 },
      { left: 50, width: 50, ran: 10_000, rate: null },
      { left: 0, width: 0, ran: null, rate: null },
    ]);
  });

  it('ends at the last finish when nothing runs', () => {
    expect(timeline([task({ started_at: at(0), finished_at: at(4) })], now).total).toBe(4000);
  });

  it('keeps an instant task visible and inside the axis', () => {
    const { bars } = timeline(
      [task({ started_at: at(0), finished_at: at(10) }), task({ started_at: at(10), finished_at: at(10) })],
      now,
    );
    const last = bars[1];
    expect(last?.width).toBeGreaterThan(0);
    expect((last?.left ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(100);
  });

  it('draws nothing before the first task starts', () => {
    const { bars, total } = timeline([task({ state: 'waiting' }), task({ state: 'runnable' })], now);
    expect(total).toBe(0);
    expect(bars.every((b) => b.width === 0)).toBe(true);
  });
});
