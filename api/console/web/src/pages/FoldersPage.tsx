import {
  ActionIcon,
  Anchor,
  Badge,
  Group,
  Paper,
  Progress,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
  Tooltip,
  VisuallyHidden,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconEyeOff, IconRefresh, IconSearch, IconTrash } from '@tabler/icons-react';
import { DataTable } from 'mantine-datatable';
import { useState } from 'react';
import { Link } from 'react-router';
import type { DropFolder, FolderFile } from '../api';
import { ago, bytes, time } from '../format';
import { useFolderFileActions } from '../parts/actions';
import { Failure } from '../parts/Failure';
import { useNow } from '../parts/useNow';
import { useFolderFiles, useFolders } from '../queries';
import { canDelete, canIgnore, canRetry, counted, fileFilters, fileLook } from './folderStates';

const pageSize = 25;
const states = (value: string) => fileFilters.find((f) => f.value === value)?.states ?? [];

function Health({ folder }: { folder: DropFolder }) {
  const look = { enabled: ['Watched', 'teal'], disabled: ['Disabled', 'gray'], error: ['Error', 'red'] }[folder.state];
  return (
    <>
      <Badge variant="light" color={look[1]}>
        {look[0]}
      </Badge>
      {folder.error_text && (
        <Text size="xs" c="red" className="reason">
          {folder.error_text}
        </Text>
      )}
    </>
  );
}

function Folders({ folders }: { folders: DropFolder[] }) {
  const now = useNow(15_000);
  const shown = fileFilters.filter((f) => f.value === 'flight' || f.value === 'failed' || f.value === 'handled');
  return (
    <Paper withBorder>
      <Table.ScrollContainer minWidth={720}>
        <Table verticalSpacing="xs" highlightOnHover aria-label="Drop folders">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Folder</Table.Th>
              <Table.Th>Health</Table.Th>
              {shown.map((f) => (
                <Table.Th key={f.value} ta="right">
                  {f.label}
                </Table.Th>
              ))}
              <Table.Th>Last look</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {folders.map((folder) => (
              <Table.Tr key={folder.id}>
                <Table.Td>
                  <Text size="sm" fw={600}>
                    {folder.name}
                  </Text>
                  <Text size="xs" c="dimmed" className="reason">
                    {folder.type} · account {folder.account} · {folder.host && `${folder.host}:`}
                    {folder.path}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Health folder={folder} />
                </Table.Td>
                {shown.map((f) => {
                  const n = counted(folder.counts, f.states);
                  return (
                    <Table.Td key={f.value} ta="right" className="num">
                      <Text span size="sm" c={n === 0 ? 'dimmed' : f.value === 'failed' ? 'red' : undefined}>
                        {n.toLocaleString()}
                      </Text>
                    </Table.Td>
                  );
                })}
                <Table.Td title={time(folder.last_access)}>{ago(folder.last_access, now)}</Table.Td>
              </Table.Tr>
            ))}
            {folders.length === 0 && (
              <Table.Tr>
                <Table.Td colSpan={shown.length + 3}>
                  <Text c="dimmed" ta="center" py="md">
                    There are no drop folders. The API&apos;s dropFolder.add makes one.
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

function State({ file }: { file: FolderFile }) {
  const look = fileLook(file.state);
  return (
    <>
      <Badge variant="light" color={look.color}>
        {look.label}
      </Badge>
      {file.state === 'downloading' && file.size > 0 && (
        <Progress mt={4} size="sm" value={(100 * file.done) / file.size} aria-label={`Downloaded of ${file.path}`} />
      )}
    </>
  );
}

function Actions({ file }: { file: FolderFile }) {
  const { busy, retry, ignore, remove } = useFolderFileActions();
  const all = [
    { label: 'Retry', icon: IconRefresh, can: canRetry(file), run: retry, color: undefined },
    { label: 'Ignore', icon: IconEyeOff, can: canIgnore(file), run: ignore, color: 'gray' },
    { label: 'Delete', icon: IconTrash, can: canDelete(file), run: remove, color: 'red' },
  ];
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {all.map(
        ({ label, icon: Icon, can, run, color }) =>
          can && (
            <Tooltip key={label} label={label}>
              <ActionIcon variant="subtle" color={color} disabled={busy} aria-label={`${label} ${file.path}`} onClick={() => run(file)}>
                <Icon size={16} />
              </ActionIcon>
            </Tooltip>
          ),
      )}
    </Group>
  );
}

function Files({ folders }: { folders: DropFolder[] }) {
  const [filter, setFilter] = useState('flight');
  const [folder, setFolder] = useState<string | null>(null);
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed, 250);
  const [page, setPage] = useState(1);
  const now = useNow(15_000);
  const query = { folder: folder ? Number(folder) : null, states: states(filter), search, limit: pageSize, offset: (page - 1) * pageSize };
  const { data, error, isFetching, refetch } = useFolderFiles(query);
  const first = <T,>(set: (v: T) => void) => (v: T) => {
    set(v);
    setPage(1);
  };
  return (
    <Stack gap="sm">
      <Group>
        <SegmentedControl
          aria-label="Files shown"
          value={filter}
          onChange={first(setFilter)}
          data={fileFilters.map(({ value, label }) => ({ value, label }))}
        />
        <Select
          aria-label="Folder"
          placeholder="All folders"
          clearable
          value={folder}
          onChange={first(setFolder)}
          data={folders.map((f) => ({ value: String(f.id), label: f.name }))}
        />
        <TextInput
          aria-label="Search file names"
          placeholder="Search file names"
          leftSection={<IconSearch size={16} />}
          value={typed}
          onChange={(e) => first(setTyped)(e.currentTarget.value)}
        />
      </Group>
      {error ? (
        <Failure what="The files" error={error} retry={refetch} />
      ) : (
        <Paper withBorder style={{ overflow: 'hidden' }}>
          <DataTable<FolderFile>
            minHeight={160}
            fetching={isFetching && !data}
            noRecordsText="No files"
            records={data?.files ?? []}
            totalRecords={data?.total ?? 0}
            page={page}
            recordsPerPage={pageSize}
            onPageChange={setPage}
            columns={[
              {
                accessor: 'path',
                title: 'File',
                render: (f) => (
                  <>
                    <Text size="sm" fw={600} className="reason">
                      {f.path}
                    </Text>
                    {f.entry_id && (
                      <Anchor component={Link} to={`/entries/${f.entry_id}`} size="xs" ff="monospace">
                        {f.entry_id}
                      </Anchor>
                    )}
                  </>
                ),
              },
              { accessor: 'state', title: 'Status', width: 140, render: (f) => <State file={f} /> },
              {
                accessor: 'reason',
                title: 'Why',
                render: (f) => (
                  <>
                    <Text size="sm" className="reason" miw={200}>
                      {f.reason}
                    </Text>
                    {f.warning && (
                      <Text size="xs" c="yellow" className="reason">
                        {f.warning}
                      </Text>
                    )}
                    <Text size="xs" c="dimmed">
                      {[f.error_code, f.next_at && `next ${time(f.next_at)}`].filter(Boolean).join(' · ')}
                    </Text>
                  </>
                ),
              },
              { accessor: 'size', title: 'Size', width: 100, textAlign: 'right', render: (f) => bytes(f.size) },
              {
                accessor: 'updated_at',
                title: 'Changed',
                width: 120,
                render: (f) => <span title={time(f.updated_at)}>{ago(f.updated_at, now)}</span>,
              },
              {
                accessor: 'actions',
                title: <VisuallyHidden>Actions</VisuallyHidden>,
                width: 120,
                textAlign: 'right',
                render: (f) => <Actions file={f} />,
              },
            ]}
          />
        </Paper>
      )}
    </Stack>
  );
}

/** FoldersPage shows drop folders with their health, and the files in flight with what each waits for. */
export function FoldersPage() {
  const { data, error, refetch } = useFolders();
  return (
    <Stack gap="lg">
      <Title order={1} size="h2">Drop folders</Title>
      {error && !data && <Failure what="The folders" error={error} retry={refetch} />}
      {data ? (
        <>
          <Folders folders={data.folders} />
          <Title order={2} size="h3">Files</Title>
          <Files folders={data.folders} />
        </>
      ) : (
        !error && <Skeleton height={240} />
      )}
    </Stack>
  );
}
