import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, entriesPath, type EntryQuery } from './api';

/** Queries marked live are fetched again when the event stream says that rows moved. */
const live = { live: true };

export const useEntries = (q: EntryQuery) =>
  useQuery({
    queryKey: ['entries', entriesPath(q)],
    queryFn: ({ signal }) => api.entries(q, signal),
    placeholderData: keepPreviousData,
    meta: live,
  });

export const useEntry = (id: string, working: boolean) =>
  useQuery({
    queryKey: ['entry', id],
    queryFn: ({ signal }) => api.entry(id, signal),
    // The stream carries the entry itself; its tasks and assets are polled while they change.
    refetchInterval: working ? 2000 : false,
    meta: live,
  });

export const useDeadTasks = (limit: number, offset: number) =>
  useQuery({
    queryKey: ['tasks', 'dead', limit, offset],
    queryFn: ({ signal }) => api.deadTasks(limit, offset, signal),
    placeholderData: keepPreviousData,
    meta: live,
  });

export const useWork = () => useQuery({ queryKey: ['work'], queryFn: ({ signal }) => api.work(signal), meta: live });

export const useUploads = () =>
  useQuery({ queryKey: ['uploads'], queryFn: ({ signal }) => api.uploads(signal), refetchInterval: 5000, meta: live });

export const useSystem = () =>
  useQuery({ queryKey: ['system'], queryFn: ({ signal }) => api.system(signal), refetchInterval: 10_000 });

/** useAction is a change of the server's state after which everything shown is fetched again. */
export function useAction<In, Out>(run: (input: In) => Promise<Out>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: run, onSettled: () => client.invalidateQueries() });
}
