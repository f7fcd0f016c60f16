import { Alert, Anchor, Button, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title, VisuallyHidden } from '@mantine/core';
import { IconCircleCheck, IconRefresh } from '@tabler/icons-react';
import { DataTable } from 'mantine-datatable';
import { useState } from 'react';
import { Link } from 'react-router';
import type { Task, TaskState, Work } from '../api';
import { ago, span, elapsed, time } from '../format';
import { useLive } from '../live/context';
import { useTaskRetry } from '../parts/actions';
import { Failure } from '../parts/Failure';
import { useNow } from '../parts/useNow';
import { useDeadTasks, useWork } from '../queries';
import { countedStates, stageName, taskColor } from '../states';

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
      <Table.ScrollContainer minWidth={640}>
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
                      <Text span size="sm" c={n === 0 ? 'dimmed' : taskColor(state)} fw={n === 0 ? 400 : 600}>
                        {n.toLocaleString()}
                      </Text>
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            ))}
            {work.stages.length === 0 && (
              <Table.Tr>
                <Table.Td colSpan={countedStates.length + 1}>
                  <Text c="dimmed" ta="center" py="md">
                    No work waits or runs
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
  const [page, setPage] = useState(1);
  const { data, error, isFetching, refetch } = useDeadTasks(pageSize, (page - 1) * pageSize);
  const { busy, retry } = useTaskRetry();
  const now = useNow(15_000);
  if (error) return <Failure what="The dead letters" error={error} retry={refetch} />;
  if (data?.total === 0) {
    return (
      <Alert color="teal" icon={<IconCircleCheck />} title="No dead letters">
        Every task that was tried either succeeded or is still being retried.
      </Alert>
    );
  }
  return (
    <Paper withBorder style={{ overflow: 'hidden' }}>
      <DataTable<Task>
        minHeight={160}
        fetching={isFetching && !data}
        records={data?.tasks ?? []}
        totalRecords={data?.total ?? 0}
        page={page}
        recordsPerPage={pageSize}
        onPageChange={setPage}
        columns={[
          {
            accessor: 'stage',
            title: 'Task',
            width: 220,
            render: (t) => (
              <>
                <Text size="sm" fw={600}>
                  {stageName(t.stage)} {t.name}
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
                  {t.error_text || 'No reason was recorded.'}
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
            render: (t) => <span title={time(t.finished_at)}>{ago(t.finished_at, now)}</span>,
          },
          {
            accessor: 'actions',
            title: <VisuallyHidden>Actions</VisuallyHidden>,
            width: 120,
            textAlign: 'right',
            render: (t) => (
              <Button
                size="xs"
                variant="light"
                leftSection={<IconRefresh size={14} />}
                loading={busy === t.id}
                onClick={() => retry(t.id)}
                aria-label={`Retry task ${t.id}`}
              >
                Retry
              </Button>
            ),
          },
        ]}
      />
    </Paper>
  );
}

export function WorkPage() {
  const live = useLive();
  const { data, error, refetch } = useWork();
  const work = live.work ?? data;
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">Work</Title>
      {error && !work && <Failure what="The counts" error={error} retry={refetch} />}
      {work ? (
        <>
          <Totals work={work} />
          <Matrix work={work} />
        </>
      ) : (
        !error && <Skeleton height={240} />
      )}
      <Title order={2} size="h3">Dead letters</Title>
      <DeadLetters />
    </Stack>
  );
}
