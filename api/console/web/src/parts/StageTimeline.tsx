import { Badge, Button, Stack, Text, Tooltip } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import type { Task } from '../api';
import { bytes, percent, sentence, span, time, unknown } from '../format';
import { stageName, taskColor, taskName } from '../states';
import { useTaskRetry } from './actions';
import { Records } from './Records';
import classes from './StageTimeline.module.css';
import { timeline, type Bar } from './timeline';
import { useNow } from './useNow';

function Lane({ bar }: { bar: Bar }) {
  const { task } = bar;
  if (bar.width === 0) return <div className={classes.lane} />;
  const label = `${time(task.started_at)} – ${task.finished_at ? time(task.finished_at) : 'now'}`;
  return (
    <Tooltip label={label}>
      <div className={classes.lane}>
        <div
          className={classes.bar}
          style={{ left: `${bar.left}%`, width: `${bar.width}%`, background: `var(--mantine-color-${taskColor(task.state)}-filled)` }}
        />
      </div>
    </Tooltip>
  );
}

function Retry({ task }: { task: Task }) {
  const { busy, retry } = useTaskRetry();
  return (
    <Button
      size="compact-xs"
      variant="light"
      leftSection={<IconRefresh size={14} />}
      loading={busy === task.id}
      aria-label={`Try again: task ${task.id}`}
      onClick={() => retry(task.id)}
    >
      Try again
    </Button>
  );
}

function State({ task }: { task: Task }) {
  const doing = task.state === 'running' && task.total > 0 ? ` · ${percent(task.done, task.total)} %` : '';
  return (
    <Stack gap={2} align="flex-start">
      <Badge variant="light" color={taskColor(task.state)}>
        {task.state}
        {doing}
      </Badge>
      {task.error_text && (
        <Text size="xs" className={task.state === 'dead' ? 'reason' : undefined} c={task.state === 'dead' ? undefined : 'dimmed'}>
          {sentence(task.error_text)}
          {task.error_code && ` (${task.error_code})`}
        </Text>
      )}
      {task.state === 'dead' && <Retry task={task} />}
    </Stack>
  );
}

/** StageTimeline shows what was done for an entry, when, for how long and how much of it. */
export function StageTimeline({ tasks }: { tasks: Task[] }) {
  const now = useNow(1000);
  const { bars, total } = timeline(tasks, now);
  return (
    <Stack gap="xs">
      {total > 0 && (
        <Text size="sm" c="dimmed">
          {span(total)} from the first start to the last end
        </Text>
      )}
      <Records<Bar>
        label="Stages"
        idAccessor="task.id"
        empty="Nothing was done for this entry yet."
        records={bars}
        columns={[
          {
            accessor: 'task.stage',
            title: 'Stage',
            width: 170,
            render: ({ task }) => (
              <>
                <Text size="sm" fw={600}>
                  {stageName(task.stage)}
                  {task.optional && (
                    <Text span size="xs" c="dimmed">
                      {' '}
                      optional
                    </Text>
                  )}
                </Text>
                {taskName(task) && (
                  <Text size="xs" c="dimmed">
                    {taskName(task)}
                  </Text>
                )}
              </>
            ),
          },
          { accessor: 'task.state', title: 'State', width: 180, render: ({ task }) => <State task={task} /> },
          { accessor: 'lane', title: 'When', render: (bar) => <Lane bar={bar} /> },
          { accessor: 'ran', title: 'Took', width: 110, textAlign: 'right', render: (bar) => span(bar.ran) },
          { accessor: 'task.bytes', title: 'Bytes', width: 95, textAlign: 'right', render: ({ task }) => bytes(task.bytes) },
          {
            accessor: 'rate',
            title: 'Rate',
            width: 105,
            textAlign: 'right',
            render: ({ rate }) => (rate ? `${bytes(rate)}/s` : unknown),
          },
          {
            accessor: 'task.attempt',
            title: 'Tries',
            width: 64,
            textAlign: 'right',
            render: ({ task }) => (task.attempt > 0 ? `${task.attempt}/${task.max_attempts}` : unknown),
          },
          { accessor: 'task.worker', title: 'Worker', width: 120, render: ({ task }) => (
              <Text size="xs" ff="monospace" c="dimmed" truncate title={task.worker}>
                {task.worker || unknown}
              </Text>
            ) },
        ]}
      />
    </Stack>
  );
}
