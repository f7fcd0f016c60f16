import { Anchor, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title, VisuallyHidden } from '@mantine/core';
import { IconCircleCheck, IconRefresh, IconX } from '@tabler/icons-react';
import { Link } from 'react-router';
import type { Task, TaskState, Work } from '../api';
import { elapsed, sentence, span } from '../format';
import { useLive } from '../live/context';
import { useTaskRetry, useTasksRetry } from '../parts/actions';
import { Ago } from '../parts/Ago';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { Records } from '../parts/Records';
import { useAddress } from '../parts/useAddress';
import { useNow } from '../parts/useNow';
import { useDeadTasks, useWork } from '../queries';
import { countedStates, stageName, taskName } from '../states';

const pageSize = 25;

function total(work: Work, state: TaskState): number {
  return work.stages.reduce((sum, s) => sum + (s.counts[state] ?? 0), 0);
}

function Totals({ work }: { work: Work }) {
  const shown: [string, TaskState[]][] = [
    ['Running', ['running']],
    ['Ready to run', ['runnable', 'queued']],
    ['Waiting', ['waiting']],
    ['Dead', ['dead']],
  ];
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }}>
      {shown.map(([label, states]) => {
        const count = states.reduce((sum, s) => sum + total(work, s), 0);
        return (
          <Paper key={label} withBorder p="md">
            <Text size="sm" c="dimmed">
              {label}
            </Text>
            <Text fz={28} fw={700} className="num" c={label === 'Dead' && count > 0 ? 'red' : undefined}>
              {count.toLocaleString()}
            </Text>
          </Paper>
        );
      })}
    </SimpleGrid>
  );
}

function Matrix({ work }: { work: Work }) {
  return (
    <Paper withBorder>
      <Table.ScrollContainer minWidth={520} type="native">
        <Table verticalSpacing="xs" highlightOnHover aria-label="Tasks by stage and state">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Stage</Table.Th>
              {countedStates.map((state) => (
                <Table.Th key={state} ta="right" tt="capitalize">
                  {state}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {work.stages.map(({ stage, counts }) => (
              <Table.Tr key={stage}>
                <Table.Th scope="row">{stageName(stage)}</Table.Th>
                {countedStates.map((state) => {
                  const n = counts[state] ?? 0;
                  return (
                    <Table.Td key={state} ta="right" className="num">
                      {state === 'dead' && n > 0 ? (
                        <Anchor component={Link} to={`/work?stage=${stage}`} size="sm" fw={600} className="reason" aria-label={`${n} dead: ${stageName(stage)}`}>
                          {n.toLocaleString()}
                        </Anchor>
                      ) : (
                        <Text span size="sm" c={n === 0 ? 'dimmed' : undefined} fw={n === 0 ? 400 : 600}>
                          {n.toLocaleString()}
                        </Text>
                      )}
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            ))}
            {work.stages.length === 0 && (
              <Table.Tr>
                <Table.Td colSpan={countedStates.length + 1}>
                  <Text c="dimmed" ta="center" py="md">
                    No work waits or runs.
                  </Text>
                </Table.Td>
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

function DeadLetters() {
  const { get, page, set, turn } = useAddress();
  const stage = get('stage');
  const { data, error, isFetching, refetch } = useDeadTasks(stage, pageSize, (page - 1) * pageSize);
  const { busy, retry } = useTaskRetry();
  const all = useTasksRetry();
  const now = useNow(15_000);
  const total = data?.total ?? 0;
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Group gap="sm">
          <Title order={2} size="h3">
            Dead letters
          </Title>
          {stage && (
            <Button size="compact-sm" variant="light" color="gray" rightSection={<IconX size={14} />} onClick={() => set({ stage: '' })} aria-label={`${stageName(stage)}: show all stages`}>
              {stageName(stage)}
            </Button>
          )}
        </Group>
        {total > 1 && (
          <Button variant="default" leftSection={<IconRefresh size={16} />} loading={all.busy} onClick={() => all.retry(stage, total)}>
            Retry all …
          </Button>
        )}
      </Group>
      {error && <Failure what="The dead letters" error={error} retry={refetch} />}
      <Records<Task>
        label="Dead letters"
        empty={
          <>
            <IconCircleCheck size={32} color="var(--mantine-color-teal-text)" aria-hidden />
            <Text fw={600}>No dead letters</Text>
            <Text size="sm" c="dimmed" ta="center">
              Every task that was tried either succeeded or is still being retried.
            </Text>
          </>
        }
        fetching={isFetching && !data}
        records={data?.tasks ?? []}
        totalRecords={total}
        page={page}
        recordsPerPage={pageSize}
        onPageChange={turn}
        columns={[
          {
            accessor: 'stage',
            title: 'Task',
            width: 220,
            render: (t) => (
              <>
                <Text size="sm" fw={600}>
                  {[stageName(t.stage), taskName(t)].filter(Boolean).join(' · ')}
                </Text>
                <Anchor component={Link} to={`/entries/${t.entry_id}`} size="xs" ff="monospace">
                  {t.entry_id}
                </Anchor>
              </>
            ),
          },
          {
            accessor: 'error_text',
            title: 'Reason',
            render: (t) => (
              <>
                <Text size="sm" className="reason" miw={240}>
                  {sentence(t.error_text || 'No reason was recorded')}
                </Text>
                <Text size="xs" c="dimmed">
                  {[t.error_code, t.worker && `on ${t.worker}`].filter(Boolean).join(' · ')}
                </Text>
              </>
            ),
          },
          { accessor: 'attempt', title: 'Tries', width: 80, textAlign: 'right', render: (t) => `${t.attempt}/${t.max_attempts}` },
          {
            accessor: 'took',
            title: 'Last took',
            width: 110,
            textAlign: 'right',
            render: (t) => span(t.finished_at ? elapsed(t.started_at, t.finished_at, now) : null),
          },
          {
            accessor: 'finished_at',
            title: 'Died',
            width: 140,
            render: (t) => <Ago stamp={t.finished_at} now={now} />,
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>Actions</VisuallyHidden>,
            width: 140,
            textAlign: 'right',
            render: (t) => (
              <Button
                size="xs"
                variant="light"
                leftSection={<IconRefresh size={14} />}
                loading={busy === t.id}
                onClick={() => retry(t.id)}
                aria-label={`Try again: task ${t.id}`}
              >
                Try again
              </Button>
            ),
          },
        ]}
      />
    </Stack>
  );
}

export function WorkPage() {
  const live = useLive();
  const { data, error, refetch } = useWork();
  const work = live.work ?? data;
  return (
    <Stack gap="lg">
      <Heading title="Work" />
      {error && !work && <Failure what="The counts" error={error} retry={refetch} />}
      {work ? (
        <>
          <Totals work={work} />
          <Matrix work={work} />
        </>
      ) : (
        !error && <Skeleton height={240} aria-label="Loading" />
      )}
      <DeadLetters />
    </Stack>
  );
}
