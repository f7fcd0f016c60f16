import { Anchor, Badge, Group, Progress, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import type { BulkJob } from '../api';
import { percent, sentence, unknown } from '../format';
import { AddDocument } from '../parts/AddDocument';
import { Ago } from '../parts/Ago';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { Records } from '../parts/Records';
import { useAddress } from '../parts/useAddress';
import { useNow } from '../parts/useNow';
import { useBulkJobs } from '../queries';
import { bulkLook, isOpen } from '../states';

const pageSize = 25;

/** BulkProgress is how far a job is: a bar while it runs, the counts always. */
export function BulkProgress({ job }: { job: BulkJob }) {
  if (job.total === 0 && !isOpen(job)) return <Text size="sm">{unknown}</Text>;
  return (
    <Stack gap={4}>
      <Text size="sm" className="num">
        {job.done.toLocaleString()} of {job.total > 0 ? job.total.toLocaleString() : '…'}
        {job.failed > 0 && (
          <Text span size="sm" c="red" fw={600}>
            {' '}
            · {job.failed.toLocaleString()} failed
          </Text>
        )}
      </Text>
      {isOpen(job) && <Progress value={percent(job.done, job.total)} animated={job.status === 'running'} aria-label={`Job ${job.id}`} />}
    </Stack>
  );
}

/** BulkBadges are the state of a job and how it is meant. */
export function BulkBadges({ job }: { job: BulkJob }) {
  const look = bulkLook(job);
  return (
    <Group gap={4}>
      <Badge color={look.color} variant="light">
        {look.label}
      </Badge>
      {job.dry_run && (
        <Badge color="grape" variant="light">
          Dry run
        </Badge>
      )}
    </Group>
  );
}

export function BulkPage() {
  const { page, turn } = useAddress();
  const { data, error, isFetching, refetch } = useBulkJobs(pageSize, (page - 1) * pageSize);
  const now = useNow(15_000);
  return (
    <Stack gap="lg">
      <Group justify="space-between">
        <Heading title="Bulk jobs" />
        <AddDocument />
      </Group>
      {error && <Failure what="The jobs" error={error} retry={refetch} />}
      <Records<BulkJob>
        label="Bulk jobs"
        empty="Documents that make, change or delete many entries appear here: from this page, the API, a drop folder, or the command sluice bulk."
        fetching={isFetching && !data}
        records={data?.jobs ?? []}
        totalRecords={data?.total ?? 0}
        page={page}
        recordsPerPage={pageSize}
        onPageChange={turn}
        columns={[
          {
            accessor: 'file_name',
            title: 'Document',
            render: (j) => (
              <>
                <Anchor component={Link} to={`/bulk/${j.id}`} fw={600} size="sm">
                  {j.file_name || `Job ${j.id}`}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {[`job ${j.id}`, `account ${j.account}`, j.uploaded_by && `by ${j.uploaded_by}`].filter(Boolean).join(' · ')}
                </Text>
              </>
            ),
          },
          { accessor: 'status', title: 'State', width: 200, render: (j) => <BulkBadges job={j} /> },
          { accessor: 'done', title: 'Items', width: 220, render: (j) => <BulkProgress job={j} /> },
          { accessor: 'error', title: 'Reason', render: (j) => j.error && <Text size="sm" className="reason">{sentence(j.error)}</Text> },
          { accessor: 'created_at', title: 'Taken in', width: 140, render: (j) => <Ago stamp={j.created_at} now={now} /> },
        ]}
      />
    </Stack>
  );
}
