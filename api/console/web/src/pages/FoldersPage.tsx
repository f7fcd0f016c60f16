import {
  ActionIcon,
  Anchor,
  Badge,
  Group,
  Progress,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Text,
  Title,
  Tooltip,
  VisuallyHidden,
} from '@mantine/core';
import { IconEyeOff, IconRefresh, IconTrash } from '@tabler/icons-react';
import type { DataTableColumn } from 'mantine-datatable';
import { Link } from 'react-router';
import type { DropFolder, FolderFile } from '../api';
import { bytes, sentence, time } from '../format';
import { useFolderFileActions } from '../parts/actions';
import { Ago } from '../parts/Ago';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { Records } from '../parts/Records';
import { SearchBox } from '../parts/SearchBox';
import { useAddress } from '../parts/useAddress';
import { useNow } from '../parts/useNow';
import { useFolderFiles, useFolders } from '../queries';
import { canDelete, canIgnore, canRetry, counted, fileFilters, fileLook, hasFailed } from './folderStates';

const pageSize = 25;
const states = (value: string) => fileFilters.find((f) => f.value === value)?.states ?? [];

const looks = { enabled: ['Watched', 'teal'], disabled: ['Disabled', 'gray'], error: ['Error', 'red'] } as const;

function Health({ folder }: { folder: DropFolder }) {
  const [label, color] = looks[folder.state];
  return (
    <Stack gap={2} align="flex-start">
      <Badge variant="light" color={color}>
        {label}
      </Badge>
      {folder.error_text && (
        <Text size="xs" className="reason">
          {sentence(folder.error_text)}
        </Text>
      )}
    </Stack>
  );
}

/** How many files of a folder a filter shows; the number leads to them. */
function Count({ folder, filter }: { folder: DropFolder; filter: (typeof fileFilters)[number] }) {
  const n = counted(folder.counts, filter.states);
  if (n === 0) return <Text span size="sm" c="dimmed">0</Text>;
  return (
    <Anchor
      component={Link}
      to={`/folders?show=${filter.value}&folder=${folder.id}`}
      size="sm"
      className={filter.value === 'failed' ? 'num reason' : 'num'}
      aria-label={`${n} ${filter.label.toLowerCase()} in ${folder.name}`}
    >
      {n.toLocaleString()}
    </Anchor>
  );
}

function Folders({ folders }: { folders: DropFolder[] }) {
  const now = useNow(15_000);
  const shown = fileFilters.filter((f) => f.value === 'flight' || f.value === 'failed' || f.value === 'handled');
  return (
    <Records<DropFolder>
      label="Drop folders"
      empty="There are no drop folders. The API's dropFolder.add makes one."
      records={folders}
      columns={[
        {
          accessor: 'name',
          title: 'Folder',
          render: (folder) => (
            <>
              <Text size="sm" fw={600}>
                {folder.name}
              </Text>
              <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {folder.type} · account {folder.account} · {folder.host && `${folder.host}:`}
                {folder.path}
              </Text>
            </>
          ),
        },
        { accessor: 'state', title: 'Health', width: 320, render: (folder) => <Health folder={folder} /> },
        ...shown.map((filter): DataTableColumn<DropFolder> => ({
          accessor: filter.value,
          title: filter.label,
          textAlign: 'right',
          width: 90,
          render: (folder) => <Count folder={folder} filter={filter} />,
        })),
        { accessor: 'last_access', title: 'Last look', width: 140, render: (folder) => <Ago stamp={folder.last_access} now={now} /> },
      ]}
    />
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
    { label: 'Try again', icon: IconRefresh, can: canRetry(file), run: retry, color: undefined },
    { label: 'Ignore', icon: IconEyeOff, can: canIgnore(file), run: ignore, color: 'gray' },
    { label: 'Delete …', icon: IconTrash, can: canDelete(file), run: remove, color: 'red' },
  ];
  return (
    <Group gap={4} justify="flex-end" wrap="nowrap">
      {all.map(
        ({ label, icon: Icon, can, run, color }) =>
          can && (
            <Tooltip key={label} label={label}>
              <ActionIcon variant="subtle" color={color} disabled={busy} aria-label={`${label.replace(' …', '')}: ${file.path}`} onClick={() => run(file)}>
                <Icon size={16} />
              </ActionIcon>
            </Tooltip>
          ),
      )}
    </Group>
  );
}

const empty: Record<string, string> = {
  flight: 'No file is on its way.',
  failed: 'No file failed.',
  handled: 'No file was handled yet.',
  ignored: 'No file is ignored.',
  all: 'No file was seen yet.',
};

function Files({ folders }: { folders: DropFolder[] }) {
  const { get, page, set, turn } = useAddress();
  const filter = fileFilters.find((f) => f.value === get('show'))?.value ?? 'flight';
  const folder = folders.find((f) => String(f.id) === get('folder'));
  const search = get('q');
  const now = useNow(15_000);
  const query = { folder: folder?.id ?? null, states: states(filter), search, limit: pageSize, offset: (page - 1) * pageSize };
  const { data, error, isFetching, refetch } = useFolderFiles(query);
  const here = folder ? [folder] : folders;
  const count = (f: (typeof fileFilters)[number]) => here.reduce((sum, one) => sum + counted(one.counts, f.states), 0);
  const labelled = ({ value, label }: (typeof fileFilters)[number], n: number) =>
    (value === 'flight' || value === 'failed') && n > 0 ? `${label} (${n.toLocaleString()})` : label;
  return (
    <Stack gap="sm">
      <Group>
        <SegmentedControl
          aria-label="Files shown"
          className="filters"
          value={filter}
          onChange={(value) => set({ show: value === 'flight' ? '' : value })}
          data={fileFilters.map((f) => ({ value: f.value, label: labelled(f, count(f)) }))}
        />
        <Select
          aria-label="Folder"
          placeholder="All folders"
          clearable
          clearButtonProps={{ 'aria-label': 'All folders' }}
          value={folder ? String(folder.id) : null}
          onChange={(value) => set({ folder: value ?? '' })}
          data={folders.map((f) => ({ value: String(f.id), label: f.name }))}
        />
        <SearchBox label="Search file names" value={search} onChange={(q) => set({ q })} />
      </Group>
      {error && <Failure what="The files" error={error} retry={refetch} />}
      <Records<FolderFile>
        label="Files"
        empty={search ? 'No file matches.' : (empty[filter] ?? 'No files.')}
        fetching={isFetching && !data}
        records={data?.files ?? []}
        totalRecords={data?.total ?? 0}
        page={page}
        recordsPerPage={pageSize}
        onPageChange={turn}
        columns={[
          {
            accessor: 'path',
            title: 'File',
            render: (f) => (
              <>
                <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
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
                {f.reason && (
                  <Text size="sm" className={hasFailed(f) ? 'reason' : undefined} miw={200}>
                    {sentence(f.reason)}
                  </Text>
                )}
                {f.warning && (
                  <Text size="xs" c="orange">
                    {sentence(f.warning)}
                  </Text>
                )}
                <Text size="xs" c="dimmed">
                  {[f.error_code, f.next_at && `next try ${time(f.next_at)}`].filter(Boolean).join(' · ')}
                </Text>
              </>
            ),
          },
          { accessor: 'size', title: 'Size', width: 100, textAlign: 'right', render: (f) => bytes(f.size) },
          {
            accessor: 'updated_at',
            title: 'Changed',
            width: 140,
            render: (f) => <Ago stamp={f.updated_at} now={now} />,
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
    </Stack>
  );
}

/** FoldersPage shows drop folders with their health, and the files in flight with what each waits for. */
export function FoldersPage() {
  const { data, error, refetch } = useFolders();
  return (
    <Stack gap="lg">
      <Heading title="Drop folders" />
      {error && !data && <Failure what="The folders" error={error} retry={refetch} />}
      {data ? (
        <>
          <Folders folders={data.folders} />
          <Title order={2} size="h3">Files</Title>
          <Files folders={data.folders} />
        </>
      ) : (
        !error && <Skeleton height={240} aria-label="Loading" />
      )}
    </Stack>
  );
}
