import { Anchor, Badge, Paper, Stack, Table, Text, Title } from '@mantine/core';
import { Link } from 'react-router';
import type { RecentUpload } from '../api';
import { bytes, percent } from '../format';
import { useLive } from '../live/context';
import { overlay } from '../live/reduce';
import { Ago } from '../parts/Ago';
import { EntryBadge, EntryProgress, EntryReason } from '../parts/EntryState';
import { Failure } from '../parts/Failure';
import { useNow } from '../parts/useNow';
import { useUploads } from '../queries';

const labels: Record<RecentUpload['state'], string> = {
  waiting: 'Not begun',
  arriving: 'Arriving',
  complete: 'Complete',
  used: 'Complete',
  given_up: 'Given up',
  deleted: 'Deleted',
};

function Row({ upload, now }: { upload: RecentUpload; now: number }) {
  const live = useLive();
  const entry = upload.entry ? overlay([upload.entry], live)[0] : undefined;
  // What the stream tells of the entry is newer than the list.
  const state = entry?.status === 'ready' && upload.state === 'arriving' ? 'used' : upload.state;
  const arriving = state === 'arriving' && upload.size > 0;
  return (
    <Table.Tr data-testid="recent">
      <Table.Td>
        {entry ? (
          <Anchor component={Link} to={`/entries/${entry.id}`} fw={600} size="sm">
            {entry.name}
          </Anchor>
        ) : (
          <Text size="sm">{upload.file_name || upload.id}</Text>
        )}
      </Table.Td>
      <Table.Td className="num" ta="right" data-label="Size">{bytes(upload.size || upload.received)}</Table.Td>
      <Table.Td data-label="Upload">
        <Badge variant="default">
          {labels[state]}
          {arriving && ` ${percent(upload.received, upload.size)} %`}
        </Badge>
      </Table.Td>
      <Table.Td data-label={entry ? 'Processing' : undefined}>
        {entry && (
          <Stack gap={4}>
            <div>
              <EntryBadge entry={entry} />
            </div>
            <EntryProgress entry={entry} />
            <EntryReason entry={entry} lines={2} />
          </Stack>
        )}
      </Table.Td>
      <Table.Td data-label="Begun">
        <Ago stamp={upload.created_at} now={now} />
      </Table.Td>
    </Table.Tr>
  );
}

/** RecentUploads is what came in lately, by this page or by any other sender of the account. */
export function RecentUploads() {
  const { data, error, refetch } = useUploads();
  const now = useNow(15_000);
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        Recent uploads
      </Title>
      {error && <Failure what="The uploads" error={error} retry={refetch} />}
      <Paper withBorder style={{ overflow: 'hidden' }}>
        <Table verticalSpacing="xs" aria-label="Recent uploads" className="records">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Entry</Table.Th>
              <Table.Th ta="right">Size</Table.Th>
              <Table.Th>Upload</Table.Th>
              <Table.Th>Processing</Table.Th>
              <Table.Th>Begun</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data?.uploads.map((upload) => <Row key={upload.id} upload={upload} now={now} />)}
            {data?.uploads.length === 0 && (
              <Table.Tr>
                <Table.Td colSpan={5}>
                  <Text size="sm" c="dimmed">
                    Nothing was uploaded yet.
                  </Text>
                </Table.Td>
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      </Paper>
    </Stack>
  );
}
