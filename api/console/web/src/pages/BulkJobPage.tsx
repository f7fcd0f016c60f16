import { Alert, Anchor, Badge, Breadcrumbs, Button, Group, Menu, Paper, SegmentedControl, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconDownload, IconInfoCircle, IconPlayerStop } from '@tabler/icons-react';
import { Link, useParams } from 'react-router';
import type { BulkItem } from '../api';
import { elapsed, sentence, span, time } from '../format';
import { Failure } from '../parts/Failure';
import { useBulkAbort } from '../parts/actions';
import { Heading } from '../parts/Heading';
import { Records } from '../parts/Records';
import { useAddress } from '../parts/useAddress';
import { useNow } from '../parts/useNow';
import { useBulkJob } from '../queries';
import { isOpen } from '../states';
import { BulkBadges, BulkProgress } from './BulkPage';

const pageSize = 50;
const logs = [
  ['csv', 'CSV'],
  ['mrss', 'MRSS (XML)'],
  ['ndjson', 'JSON, a line an item'],
];
const itemColor = { ok: 'teal', error: 'red', 'in progress': 'blue' };

/** BulkJobPage is one job with what became of each of its items. */
export function BulkJobPage() {
  const { id = '' } = useParams();
  const { page, get, set, turn } = useAddress();
  const shown = get('show') === 'errors' ? 'errors' : 'all';
  const { data, error, isFetching, refetch } = useBulkJob(id, shown === 'errors', pageSize, (page - 1) * pageSize);
  const { busy, abort } = useBulkAbort();
  const now = useNow(1000);
  if (!data) {
    return (
      <Stack>
        <Heading title={`Bulk job ${id}`} />
        {error ? <Failure what={`Job ${id}`} error={error} retry={refetch} /> : <Skeleton height={240} aria-label="Loading" />}
      </Stack>
    );
  }
  const { job } = data;
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-start">
        <div>
          <Breadcrumbs mb={6}>
            <Anchor component={Link} to="/bulk" size="sm">
              Bulk jobs
            </Anchor>
            <Text size="sm" c="dimmed">
              {job.id}
            </Text>
          </Breadcrumbs>
          <Heading title={job.file_name || `Job ${job.id}`} />
          <Text size="sm" c="dimmed">
            {[`job ${job.id}`, `account ${job.account}`, job.uploaded_by && `by ${job.uploaded_by}`, job.strict && 'all items or none', time(job.created_at)]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
        <Group gap="xs">
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <Button variant="default" leftSection={<IconDownload size={16} />}>
                Download the log
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {logs.map(([format, label]) => (
                <Menu.Item key={format} component="a" href={`/v1/bulk/${job.id}/log?format=${format}`} download>
                  {label}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
          {isOpen(job) && (
            <Button color="red" variant="light" leftSection={<IconPlayerStop size={16} />} loading={busy} onClick={() => abort(job)}>
              Abort …
            </Button>
          )}
        </Group>
      </Group>
      {job.error && (
        <Alert color="red" icon={<IconAlertTriangle />} title="The job failed" role="alert">
          {sentence(job.error)}
        </Alert>
      )}
      {job.dry_run && (
        <Alert color="grape" variant="light" icon={<IconInfoCircle />} title="Dry run">
          Every item was looked at as if it were carried out; nothing was changed.
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
        onChange={(value) => set({ show: value === 'errors' ? value : '' })}
        data={[
          { value: 'all', label: 'All items' },
          { value: 'errors', label: `Failed (${job.failed.toLocaleString()})` },
        ]}
        aria-label="Items shown"
        w="fit-content"
      />
      <Records<BulkItem>
        label="Items"
        idAccessor="line"
        empty={shown === 'errors' ? 'No item failed.' : 'No item was dealt with.'}
        fetching={isFetching && !data}
        records={data.items}
        totalRecords={data.total}
        page={page}
        recordsPerPage={pageSize}
        onPageChange={turn}
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
            render: (i) =>
              i.error && (
                <Text size="sm" className="reason" style={{ whiteSpace: 'pre-line' }}>
                  {sentence(i.error)}
                </Text>
              ),
          },
        ]}
      />
    </Stack>
  );
}
