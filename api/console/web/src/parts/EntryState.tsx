import { Badge, Progress, Stack, Text, Tooltip } from '@mantine/core';
import type { Entry } from '../api';
import { percent, sentence } from '../format';
import { entryLook, hasFailed, isWorking, stageName } from '../states';

export function EntryBadge({ entry }: { entry: Pick<Entry, 'status' | 'playable'> }) {
  const look = entryLook(entry);
  return (
    <Badge variant="light" color={look.color} data-status={entry.status}>
      {look.label}
    </Badge>
  );
}

/** EntryProgress is the bar of an entry that is being worked on; nothing for any other. */
export function EntryProgress({ entry, height = 'sm' }: { entry: Entry; height?: string }) {
  if (!isWorking(entry)) return null;
  const done = entry.progress ? percent(entry.progress.done, entry.progress.total) : 0;
  const stage = entry.progress?.stage ? stageName(entry.progress.stage) : 'Waiting';
  return (
    <Stack gap={2} miw={120} data-testid="progress">
      <Progress.Root size={height}>
        <Progress.Section value={done} animated aria-label={`${entry.name}: ${stage}`} />
      </Progress.Root>
      <Text size="xs" c="dimmed" className="num">
        {stage} · {done} %
      </Text>
    </Stack>
  );
}

/** EntryReason is why an entry failed, in one line with the code behind it. */
export function EntryReason({ entry, lines = 1 }: { entry: Entry; lines?: number }) {
  if (!hasFailed(entry)) return null;
  return (
    <Tooltip label={entry.error_code || 'no code'} withArrow>
      <Text size="xs" className="reason" lineClamp={lines}>
        {sentence(entry.error_text || entry.error_code || 'No reason was recorded')}
      </Text>
    </Tooltip>
  );
}
