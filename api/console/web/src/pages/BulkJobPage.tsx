import { Alert, Anchor, Badge, Button, Group, Paper, SegmentedControl, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconDownload, IconPlayerStop } from '@tabler/icons-react';
import { DataTable } from 'mantine-datatable';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import type { BulkItem } from '../api';
import { elapsed, span, time } from '../format';
import { Failure } from '../parts/Failure';
import { useBulkAbort } from '../parts/actions';
import { useNow } from '../parts/useNow';
import { useBulkJob } from '../queries';
import { isOpen } from '../states';
import { BulkBadges, BulkProgress } from './BulkPage';

const pageSize = 50;
const itemColor = { ok: 'teal', error: 'red', 'in progress': 'blue' };

/** BulkJobPage is one job with what became of each of its items. */
export function BulkJobPage() {
  const { id = '' } = useParams();
  const [page, setPage] = useState(1);
  const [shown, setShown] = useState('all');
  const { data, error, isFetching, refetch } = useBulkJob(id, shown === 'errors', pageSize, (page - 1) * pageSize);
  const { busy, abort } = useBulkAbort();
  const now = useNow(1000);
  if (error && !data) return <Failure what={`Job ${id}`} error={error} retry={refetch} />;
  if (!data) return <Skeleton height={240} />;
  const { job } = data;
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start">
        <div>
          <Title order={1} size="h2">
            {job.file_name || `Job ${job.id}`}
          </Title>
          <Text size="sm" c="dimmed">
            {[`job ${job.id}`, `account ${job.account}`, job.uploaded_by && `by ${job.uploaded_by}`, job.strict && 'all items or none', time(job.created_at)]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
        <Group gap="xs">
          <Button component="a" href={`/v1/bulk/${job.id}/log`} download variant="light" leftSection={<IconDownload size={16} />}>
            Log
          </Button>
          {isOpen(job) && (
            <Button color="red" variant="light" leftSection={<IconPlayerStop size={16} />} loading={busy} onClick={() => abort(job)}>
              Abort
            </Button>
          )}
        </Group>
      </Group>
      {job.error && (
        <Alert color="red" icon={<IconAlertTriangle />} title="The job failed" role="alert">
          <span className="reason">{job.error}</span>
        </Alert>
      )}
      <Paper withBorder p="md">
        <Group justify="space-between">
          <BulkProgress job={job} />
          <Text size="sm" c="dimmed">
            {span(elapsed(job.started_at, job.finished_at, now))}
          </Text>
          <div>
            <BulkBadges job={job} />
          </div>
        </Group>
      </Paper>
      <SegmentedControl
        value={shown}
        onChange={(value) => {
          setShown(value);
          setPage(1);
        }}
        data={[
          { value: 'all', label: 'All items' },
          { value: 'errors', label: `Failed (${job.failed.toLocaleString()})` },
        ]}
        aria-label="Items shown"
        w="fit-content"
      />
      <Paper withBorder style={{ overflow: 'hidden' }}>
        <DataTable<BulkItem>
          idAccessor="line"
          minHeight={160}
          fetching={isFetching && !data}
          noRecordsText="No items"
          records={data.items}
          totalRecords={data.total}
          page={page}
          recordsPerPage={pageSize}
          onPageChange={setPage}
          columns={[
            {
              accessor: 'line',
              title: 'Item',
              width: 110,
              render: (i) => (
                <>
                  <Text size="sm" className="num">
                    {i.line.toLocaleString()}
                  </Text>
                  <Text size="xs" c="dimmed">
                    line {i.fileLine.toLocaleString()}
                  </Text>
                </>
              ),
            },
            {
              accessor: 'name',
              title: 'Entry',
              render: (i) => (
                <>
                  <Text size="sm">{i.name || i.referenceId || '–'}</Text>
                  {i.entryId && (
                    <Anchor component={Link} to={`/entries/${i.entryId}`} size="xs" ff="monospace">
                      {i.entryId}
                    </Anchor>
                  )}
                </>
              ),
            },
            { accessor: 'action', title: 'Action', width: 100 },
            {
              accessor: 'status',
              title: 'State',
              width: 130,
              render: (i) => (
                <Badge color={itemColor[i.status]} variant="light">
                  {i.status}
                </Badge>
              ),
            },
            {
              accessor: 'error',
              title: 'Reason',
              render: (i) => (
                <Text size="sm" className="reason" style={{ whiteSpace: 'pre-line' }}>
                  {i.error}
                </Text>
              ),
            },
          ]}
        />
      </Paper>
    </Stack>
  );
}
