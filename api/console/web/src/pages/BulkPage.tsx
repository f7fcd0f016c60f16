import { Alert, Anchor, Badge, Paper, Progress, Stack, Text, Title } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { DataTable } from 'mantine-datatable';
import { useState } from 'react';
import { Link } from 'react-router';
import type { BulkJob } from '../api';
import { ago, percent, time } from '../format';
import { Failure } from '../parts/Failure';
import { useNow } from '../parts/useNow';
import { useBulkJobs } from '../queries';
import { bulkLook, isOpen } from '../states';

const pageSize = 25;

/** BulkProgress is how far a job is: a bar while it runs, the counts always. */
export function BulkProgress({ job }: { job: BulkJob }) {
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
    <>
      <Badge color={look.color} variant="light">
        {look.label}
      </Badge>
      {job.dry_run && (
        <Badge ml={4} color="grape" variant="light">
          Dry run
        </Badge>
      )}
    </>
  );
}

export function BulkPage() {
  const [page, setPage] = useState(1);
  const { data, error, isFetching, refetch } = useBulkJobs(pageSize, (page - 1) * pageSize);
  const now = useNow(15_000);
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">
        Bulk jobs
      </Title>
      {error && <Failure what="The jobs" error={error} retry={refetch} />}
      {data?.total === 0 ? (
        <Alert icon={<IconInfoCircle />} title="No bulk jobs">
          Documents that make, change or delete many entries appear here: by the API, by a drop folder, or by the command sluice bulk.
        </Alert>
      ) : (
        <Paper withBorder style={{ overflow: 'hidden' }}>
          <DataTable<BulkJob>
            minHeight={160}
            fetching={isFetching && !data}
            records={data?.jobs ?? []}
            totalRecords={data?.total ?? 0}
            page={page}
            recordsPerPage={pageSize}
            onPageChange={setPage}
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
              { accessor: 'error', title: 'Reason', render: (j) => <Text size="sm" className="reason">{j.error}</Text> },
              { accessor: 'created_at', title: 'Came', width: 140, render: (j) => <span title={time(j.created_at)}>{ago(j.created_at, now)}</span> },
            ]}
          />
        </Paper>
      )}
    </Stack>
  );
}
