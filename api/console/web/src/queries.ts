import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, entriesPath, folderFilesPath, type EntryQuery, type FolderFileQuery } from './api';
import { isOpen } from './states';

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
    refetchInterval: (q) => (working && q.state.status !== 'error' ? 2000 : false),
    meta: live,
  });

export const useDeadTasks = (stage: string, limit: number, offset: number) =>
  useQuery({
    queryKey: ['tasks', 'dead', stage, limit, offset],
    queryFn: ({ signal }) => api.deadTasks(stage, limit, offset, signal),
    placeholderData: keepPreviousData,
    meta: live,
  });

/** Files of folders move without events: they are polled while they are shown. */
export const useFolders = () => useQuery({ queryKey: ['folders'], queryFn: ({ signal }) => api.folders(signal), refetchInterval: 2000 });

export const useFolderFiles = (q: FolderFileQuery) =>
  useQuery({
    queryKey: ['folder-files', folderFilesPath(q)],
    queryFn: ({ signal }) => api.folderFiles(q, signal),
    placeholderData: keepPreviousData,
    refetchInterval: 2000,
  });

export const useWork = () => useQuery({ queryKey: ['work'], queryFn: ({ signal }) => api.work(signal), meta: live });

export const useUploads = () =>
  useQuery({ queryKey: ['uploads'], queryFn: ({ signal }) => api.uploads(signal), refetchInterval: 5000, meta: live });

/** Jobs are polled while one of those shown is not over. */
const bulkPoll = (working: boolean | undefined) => (working ? 1000 : 10_000);

export const useBulkJobs = (limit: number, offset: number) =>
  useQuery({
    queryKey: ['bulk', limit, offset],
    queryFn: ({ signal }) => api.bulkJobs(limit, offset, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (q) => bulkPoll(q.state.data?.jobs.some(isOpen)),
  });

export const useBulkJob = (id: string, errors: boolean, limit: number, offset: number) =>
  useQuery({
    queryKey: ['bulk', id, errors, limit, offset],
    queryFn: ({ signal }) => api.bulkJob(id, errors, limit, offset, signal),
    placeholderData: keepPreviousData,
    refetchInterval: (q) => bulkPoll(q.state.data && isOpen(q.state.data.job)),
  });

export const useSystem = () =>
  useQuery({ queryKey: ['system'], queryFn: ({ signal }) => api.system(signal), refetchInterval: 5000 });

/** useAction is a change of the server's state after which everything shown is fetched again. */
export function useAction<In, Out>(run: (input: In) => Promise<Out>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: run, onSettled: () => client.invalidateQueries() });
}
