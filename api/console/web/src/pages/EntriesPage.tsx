import { ActionIcon, Anchor, Button, Group, Menu, SegmentedControl, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconDotsVertical, IconRefresh, IconTrash, IconUpload } from '@tabler/icons-react';
import type { DataTableColumn } from 'mantine-datatable';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { Entry, EntryOrder } from '../api';
import { bytes, duration, resolution } from '../format';
import { useLive } from '../live/context';
import { overlay } from '../live/reduce';
import { useEntryActions } from '../parts/actions';
import { Ago } from '../parts/Ago';
import { EntryBadge, EntryProgress, EntryReason } from '../parts/EntryState';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { Poster } from '../parts/Poster';
import { Records } from '../parts/Records';
import { SearchBox } from '../parts/SearchBox';
import { useNow } from '../parts/useNow';
import { useEntries } from '../queries';
import { filters, hasFailed } from '../states';
import { pageSizes, readView, toQuery, writeView, type EntriesView } from './entriesQuery';

function columns(now: number, actions: ReturnType<typeof useEntryActions>): DataTableColumn<Entry>[] {
  return [
    {
      accessor: 'name',
      title: 'Entry',
      sortable: true,
      render: (entry) => (
        <Group wrap="nowrap" gap="sm">
          <Poster entry={entry} />
          <div style={{ minWidth: 0 }}>
            <Anchor component={Link} to={`/entries/${entry.id}`} fw={600} size="sm" lineClamp={1} onClick={(e) => e.stopPropagation()}>
              {entry.name || entry.id}
            </Anchor>
            <Text size="xs" c="dimmed" ff="monospace">
              {entry.id}
            </Text>
          </div>
        </Group>
      ),
    },
    {
      accessor: 'status',
      title: 'State',
      width: 240,
      render: (entry) => (
        <Stack gap={4} align="stretch">
          <div>
            <EntryBadge entry={entry} />
          </div>
          <EntryProgress entry={entry} />
          <EntryReason entry={entry} lines={2} />
        </Stack>
      ),
    },
    { accessor: 'duration', title: 'Duration', sortable: true, textAlign: 'right', width: 110, render: (e) => duration(e.duration_ms) },
    { accessor: 'resolution', title: 'Picture', textAlign: 'right', width: 110, render: (e) => resolution(e.width, e.height) },
    { accessor: 'size', title: 'Size', textAlign: 'right', width: 100, render: (e) => bytes(e.size) },
    {
      accessor: 'created',
      title: 'Created',
      sortable: true,
      width: 140,
      render: (e) => <Ago stamp={e.created_at} now={now} />,
    },
    {
      accessor: 'actions',
      title: <VisuallyHidden>Actions</VisuallyHidden>,
      width: 56,
      textAlign: 'right',
      render: (entry) => (
        <Menu position="bottom-end" shadow="md">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${entry.name}`} onClick={(e) => e.stopPropagation()}>
              <IconDotsVertical size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown onClick={(e) => e.stopPropagation()}>
            <Menu.Item leftSection={<IconRefresh size={16} />} disabled={!hasFailed(entry)} onClick={() => actions.retry(entry)}>
              Try again
            </Menu.Item>
            <Menu.Item leftSection={<IconTrash size={16} />} color="red" onClick={() => actions.remove(entry)}>
              Delete …
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ];
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Text c="dimmed">No entry matches</Text>;
  return (
    <>
      <Text c="dimmed">Nothing has come in yet.</Text>
      <Button component={Link} to="/upload" variant="light" leftSection={<IconUpload size={16} />}>
        Upload files
      </Button>
    </>
  );
}

export function EntriesPage() {
  const [params, setParams] = useSearchParams();
  const view = readView(params);
  const navigate = useNavigate();
  const live = useLive();
  const now = useNow(15_000);
  const actions = useEntryActions();
  const { data, error, isFetching, isPlaceholderData, refetch } = useEntries(toQuery(view));

  function show(change: Partial<EntriesView>) {
    setParams(writeView({ ...view, page: 1, ...change }), { replace: true });
  }

  return (
    <Stack>
      <Heading title="Entries" />
      <Group justify="space-between">
        <SearchBox label="Search by name, id or reference" value={view.search} onChange={(search) => show({ search })} />
        <SegmentedControl
          aria-label="Show"
          className="filters"
          data={filters.map(({ value, label }) => ({ value, label }))}
          value={view.filter}
          onChange={(filter) => show({ filter })}
        />
      </Group>
      {error && <Failure what="The entries" error={error} retry={refetch} />}
      <Records<Entry>
        label="Entries"
        empty={<Nothing filtered={view.search !== '' || view.filter !== 'all'} />}
        highlightOnHover
        fetching={isFetching && (isPlaceholderData || !data)}
        records={data ? overlay(data.entries, live) : []}
        columns={columns(now, actions)}
        totalRecords={data?.total ?? 0}
        page={view.page}
        recordsPerPage={view.size}
        recordsPerPageOptions={pageSizes}
        recordsPerPageLabel="Entries a page"
        onPageChange={(page) => show({ page })}
        onRecordsPerPageChange={(size) => show({ size })}
        sortStatus={{ columnAccessor: view.order, direction: view.descending ? 'desc' : 'asc' }}
        onSortStatusChange={({ columnAccessor, direction }) =>
          show({ order: columnAccessor as EntryOrder, descending: direction === 'desc' })
        }
        onRowClick={({ record }) => void navigate(`/entries/${record.id}`)}
        rowClassName="clickable"
      />
    </Stack>
  );
}
