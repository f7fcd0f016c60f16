import { ActionIcon, Anchor, CloseButton, Group, Menu, Paper, SegmentedControl, Stack, Text, TextInput, Title, Tooltip, VisuallyHidden } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconDotsVertical, IconRefresh, IconSearch, IconTrash } from '@tabler/icons-react';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { Entry, EntryOrder } from '../api';
import { ago, bytes, duration, resolution, time } from '../format';
import { useLive } from '../live/context';
import { overlay } from '../live/reduce';
import { useEntryActions } from '../parts/actions';
import { EntryBadge, EntryProgress, EntryReason } from '../parts/EntryState';
import { Failure } from '../parts/Failure';
import { Poster } from '../parts/Poster';
import { useNow } from '../parts/useNow';
import { useEntries } from '../queries';
import { filters, hasFailed } from '../states';
import { pageSizes, readView, toQuery, writeView, type EntriesView } from './entriesQuery';

/** Typing settles for this long before the list is fetched, in milliseconds. */
const searchDelay = 250;

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
      render: (e) => (
        <Tooltip label={time(e.created_at)}>
          <span>{ago(e.created_at, now)}</span>
        </Tooltip>
      ),
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
              Retry
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

function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const settle = useDebouncedCallback(onChange, searchDelay);
  function change(next: string) {
    setTyped(next);
    settle(next);
  }
  return (
    <TextInput
      type="search"
      aria-label="Search by name, id or reference"
      placeholder="Search by name, id or reference"
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={typed && <CloseButton size="sm" aria-label="Clear the search" onClick={() => change('')} />}
      value={typed}
      onChange={(e) => change(e.currentTarget.value)}
      w={{ base: '100%', xs: 320 }}
    />
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
      <Title order={1} size="h2">Entries</Title>
      <Group justify="space-between">
        <SearchBox value={view.search} onChange={(search) => show({ search })} />
        <SegmentedControl
          aria-label="Show"
          data={filters.map(({ value, label }) => ({ value, label }))}
          value={view.filter}
          onChange={(filter) => show({ filter })}
        />
      </Group>
      {error && <Failure what="The entries" error={error} retry={refetch} />}
      <Paper withBorder style={{ overflow: 'hidden' }}>
        <DataTable<Entry>
          minHeight={240}
          verticalSpacing="xs"
          highlightOnHover
          fetching={isFetching && (isPlaceholderData || !data)}
          records={data ? overlay(data.entries, live) : []}
          columns={columns(now, actions)}
          noRecordsText={view.search || view.filter !== 'all' ? 'No entry matches' : 'Nothing has been ingested yet'}
          totalRecords={data?.total ?? 0}
          page={view.page}
          recordsPerPage={view.size}
          recordsPerPageOptions={pageSizes}
          recordsPerPageLabel="Entries a page"
          onPageChange={(page) => show({ page })}
          onRecordsPerPageChange={(size) => show({ size })}
          paginationText={({ from, to, totalRecords }) => `${from}–${to} of ${totalRecords}`}
          sortStatus={{ columnAccessor: view.order, direction: view.descending ? 'desc' : 'asc' }}
          onSortStatusChange={({ columnAccessor, direction }) =>
            show({ order: columnAccessor as EntryOrder, descending: direction === 'desc' })
          }
          onRowClick={({ record }) => void navigate(`/entries/${record.id}`)}
          rowClassName="clickable"
        />
      </Paper>
    </Stack>
  );
}
