import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useReducer, type ReactNode } from 'react';
import { LiveContext } from './context';
import { emptyLive, reduceLive } from './reduce';
import { openSource } from './source';

/** Lists are fetched again at most this often, however many entries move, in milliseconds. */
const refreshEvery = 1500;

/** LiveProvider holds the one event stream of the application and refreshes the lists that it makes stale. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [state, dispatch] = useReducer(reduceLive, emptyLive);
  const client = useQueryClient();

  useEffect(() => openSource('/v1/events', dispatch), []);

  const { generation } = state;
  useEffect(() => {
    if (generation === 0) return;
    const timer = setTimeout(() => void client.invalidateQueries({ predicate: (q) => q.meta?.live === true }), refreshEvery);
    return () => clearTimeout(timer);
  }, [generation, client]);

  return <LiveContext value={state}>{children}</LiveContext>;
}
