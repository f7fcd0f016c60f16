import { Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { notifications } from '@mantine/notifications';
import { api, type BulkJob, type Entry, type FolderFile } from '../api';
import { useAction } from '../queries';

const failed = (what: string) => (error: Error) =>
  notifications.show({ color: 'red', title: what, message: error.message, autoClose: 8000 });

/** useEntryActions are the changes an operator can make to an entry, with their questions and answers. */
export function useEntryActions(afterDelete?: () => void) {
  const remove = useAction(api.deleteEntry);
  const retry = useAction(api.retryEntry);
  return {
    busy: remove.isPending || retry.isPending,
    retry: (entry: Entry) =>
      retry.mutate(entry.id, {
        onSuccess: ({ retried }) =>
          notifications.show({ message: `${entry.name}: ${retried} ${retried === 1 ? 'task runs' : 'tasks run'} again` }),
        onError: failed(`${entry.name} could not be retried`),
      }),
    remove: (entry: Entry) =>
      modals.openConfirmModal({
        title: 'Delete this entry?',
        children: (
          <Text size="sm">
            <b>{entry.name}</b> ({entry.id}) stops playing at once, its work is cancelled and its files are removed later. This cannot be
            undone here.
          </Text>
        ),
        labels: { confirm: 'Delete', cancel: 'Keep' },
        confirmProps: { color: 'red' },
        onConfirm: () =>
          remove.mutate(entry.id, {
            onSuccess: () => {
              notifications.show({ message: `${entry.name} was deleted` });
              afterDelete?.();
            },
            onError: failed(`${entry.name} could not be deleted`),
          }),
      }),
  };
}

/** useBulkAbort ends a bulk job, after a question. */
export function useBulkAbort() {
  const abort = useAction(api.abortBulk);
  return {
    busy: abort.isPending,
    abort: (job: BulkJob) =>
      modals.openConfirmModal({
        title: 'Abort this job?',
        children: <Text size="sm">Items that are not dealt with yet are left out. What was done stays.</Text>,
        labels: { confirm: 'Abort', cancel: 'Go on' },
        confirmProps: { color: 'red' },
        onConfirm: () =>
          abort.mutate(job.id, {
            onSuccess: () => notifications.show({ message: `Job ${job.id} was aborted` }),
            onError: failed(`Job ${job.id} could not be aborted`),
          }),
      }),
  };
}

/** useTasksRetry sends all dead tasks, or those of a stage, back to work, after a question. */
export function useTasksRetry() {
  const retry = useAction(api.retryTasks);
  return {
    busy: retry.isPending,
    retry: (stage: string, count: number) =>
      modals.openConfirmModal({
        title: 'Retry all of these?',
        children: (
          <Text size="sm">
            {count.toLocaleString()} dead {count === 1 ? 'task runs' : 'tasks run'} again, at most 1,000 at once. What failed for a reason that
            is still there fails again.
          </Text>
        ),
        labels: { confirm: 'Retry all', cancel: 'Cancel' },
        onConfirm: () =>
          retry.mutate(stage, {
            onSuccess: ({ retried }) => notifications.show({ message: `${retried} ${retried === 1 ? 'task runs' : 'tasks run'} again` }),
            onError: failed('The tasks could not be retried'),
          }),
      }),
  };
}

/** useTaskRetry sends a dead task back to work. */
export function useTaskRetry() {
  const retry = useAction(api.retryTask);
  return {
    busy: retry.isPending ? retry.variables : null,
    retry: (id: number) =>
      retry.mutate(id, {
        onSuccess: () => notifications.show({ message: `Task ${id} runs again` }),
        onError: failed(`Task ${id} could not be retried`),
      }),
  };
}

/** useFolderFileActions are what an operator can decide about a file of a drop folder. */
export function useFolderFileActions() {
  const retry = useAction(api.retryFolderFile);
  const ignore = useAction(api.ignoreFolderFile);
  const remove = useAction(api.deleteFolderFile);
  return {
    busy: retry.isPending || ignore.isPending || remove.isPending,
    retry: (file: FolderFile) =>
      retry.mutate(file.id, {
        onSuccess: () => notifications.show({ message: `${file.path} is tried again` }),
        onError: failed(`${file.path} could not be retried`),
      }),
    ignore: (file: FolderFile) =>
      ignore.mutate(file.id, {
        onSuccess: () => notifications.show({ message: `${file.path} is ignored` }),
        onError: failed(`${file.path} could not be ignored`),
      }),
    remove: (file: FolderFile) =>
      modals.openConfirmModal({
        title: 'Delete this file?',
        children: (
          <Text size="sm">
            <b>{file.path}</b> is removed from its folder, and its record becomes history. An entry that was made of it stays. This cannot be
            undone here.
          </Text>
        ),
        labels: { confirm: 'Delete', cancel: 'Keep' },
        confirmProps: { color: 'red' },
        onConfirm: () =>
          remove.mutate(file.id, {
            onSuccess: () => notifications.show({ message: `${file.path} is being removed` }),
            onError: failed(`${file.path} could not be deleted`),
          }),
      }),
  };
}
