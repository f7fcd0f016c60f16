import { Button, Group, Paper, Stack, Table, Text, VisuallyHidden } from '@mantine/core';
import { bitRate, bytes, percent, span } from '../format';
import { FileRow } from './FileRow';
import { manager, type Item } from './manager';
import { remaining } from './parts';

/** Rows shown at most: a folder may have very many files. */
const shown = 200;

function Total({ items }: { items: Item[] }) {
  const wanted = items.filter((i) => i.state !== 'failed');
  const size = wanted.reduce((n, i) => n + i.file.size, 0);
  const sent = wanted.reduce((n, i) => n + i.sent, 0);
  const rate = items.reduce((n, i) => n + i.rate, 0);
  const left = remaining(size - sent, rate);
  return (
    <Text size="sm" c="dimmed" className="num" role="status" data-testid="total">
      {items.length} {items.length === 1 ? 'file' : 'files'} · {bytes(size)} · {percent(sent, size)} %
      {rate > 0 && ` · ${bitRate(rate * 8)}`}
      {left !== null && ` · ${span(left)} left`}
    </Text>
  );
}

/** FileList is the files that were chosen, with what may be done with all of them. */
export function FileList({ items }: { items: Item[] }) {
  if (items.length === 0) return null;
  const count = (...states: Item['state'][]) => items.filter((i) => states.includes(i.state)).length;
  const chosen = count('chosen');
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Total items={items} />
        <Group gap="xs">
          {chosen > 0 && (
            <Button onClick={() => manager.start()}>
              Upload {chosen} {chosen === 1 ? 'file' : 'files'}
            </Button>
          )}
          {count('queued', 'sending', 'waiting') > 0 && (
            <Button variant="default" onClick={() => manager.pause()}>
              Pause all
            </Button>
          )}
          {count('paused') > 0 && (
            <Button variant="default" onClick={() => manager.resume()}>
              Resume all
            </Button>
          )}
          {count('sent', 'failed') > 0 && (
            <Button variant="default" onClick={() => manager.clear()}>
              Clear finished
            </Button>
          )}
        </Group>
      </Group>
      <Paper withBorder style={{ overflow: 'hidden' }}>
        <Table verticalSpacing="xs" aria-label="Files" className="records">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>File</Table.Th>
              <Table.Th ta="right">Size</Table.Th>
              <Table.Th>Upload</Table.Th>
              <Table.Th>Processing</Table.Th>
              <Table.Th>
                <VisuallyHidden>Actions</VisuallyHidden>
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.slice(0, shown).map((item) => (
              <FileRow key={item.id} item={item} />
            ))}
          </Table.Tbody>
        </Table>
      </Paper>
      {items.length > shown && (
        <Text size="sm" c="dimmed">
          and {items.length - shown} more
        </Text>
      )}
    </Stack>
  );
}
