import { Badge, Paper, Stack, Text, Tooltip } from '@mantine/core';
import { DataTable } from 'mantine-datatable';
import type { Task } from '../api';
import { bytes, percent, span, time, unknown } from '../format';
import { stageName, taskColor } from '../states';
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
          {task.error_code ? `${task.error_code}: ` : ''}
          {task.error_text}
        </Text>
      )}
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
      <Paper withBorder style={{ overflow: 'hidden' }}>
        <DataTable<Bar>
          idAccessor="task.id"
          minHeight={bars.length === 0 ? 140 : undefined}
          records={bars}
          noRecordsText="No tasks"
          columns={[
            {
              accessor: 'task.stage',
              title: 'Stage',
              width: 170,
              render: ({ task }) => (
                <>
                  <Text size="sm" fw={600}>
                    {stageName(task.stage)}
                    {task.optional ? ' (optional)' : ''}
                  </Text>
                  {task.name && (
                    <Text size="xs" c="dimmed">
                      {task.name}
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
            { accessor: 'task.worker', title: 'Worker', width: 120, render: ({ task }) => task.worker || unknown },
          ]}
        />
      </Paper>
    </Stack>
  );
}
