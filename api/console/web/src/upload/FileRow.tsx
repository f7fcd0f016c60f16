import { ActionIcon, Anchor, Badge, Group, Modal, Progress, Stack, Table, Text, Tooltip, Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPencil, IconPlayerPause, IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { bitRate, bytes, percent, span } from '../format';
import { useLive } from '../live/context';
import { EntryBadge, EntryProgress, EntryReason } from '../parts/EntryState';
import { DetailsForm } from './DetailsForm';
import { manager, type Item, type State } from './manager';
import { remaining } from './parts';

const looks: Record<State, { label: string; color: string }> = {
  chosen: { label: 'Chosen', color: 'gray' },
  queued: { label: 'Queued', color: 'indigo' },
  sending: { label: 'Uploading', color: 'blue' },
  waiting: { label: 'Waiting', color: 'orange' },
  paused: { label: 'Paused', color: 'yellow' },
  sent: { label: 'Uploaded', color: 'teal' },
  failed: { label: 'Failed', color: 'red' },
};

/** What becomes of a file that is at the server. */
function Processing({ item }: { item: Item }) {
  const { entries } = useLive();
  const entry = entries.get(item.entry);
  if (!entry) return null;
  return (
    <Stack gap={4}>
      <div>
        <EntryBadge entry={entry} />
      </div>
      <EntryProgress entry={entry} />
      <EntryReason entry={entry} lines={2} />
    </Stack>
  );
}

function Transfer({ item }: { item: Item }) {
  const done = percent(item.sent, item.file.size);
  const left = remaining(item.file.size - item.sent, item.rate);
  return (
    <Stack gap={4} miw={180}>
      <Group gap="xs">
        <Badge variant="light" color={looks[item.state].color} data-upload-state={item.state}>
          {looks[item.state].label}
        </Badge>
        {item.state === 'sending' && (
          <Text size="xs" c="dimmed" className="num">
            {bitRate(item.rate * 8)} · {left === null ? '…' : `${span(left)} left`}
          </Text>
        )}
      </Group>
      {item.state !== 'chosen' && item.state !== 'sent' && (
        <Progress.Root size="sm">
          <Progress.Section value={done} aria-label={`${item.file.name}: ${done} % uploaded`} />
        </Progress.Root>
      )}
      {item.reason && (
        <Text size="xs" className="reason">
          {item.reason}
        </Text>
      )}
    </Stack>
  );
}

function Editor({ item }: { item: Item }) {
  const [opened, { open, close }] = useDisclosure();
  const [details, setDetails] = useState(item.details);
  return (
    <>
      <Tooltip label="Details">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Details of ${item.file.name}`}
          onClick={() => {
            setDetails(item.details);
            open();
          }}
        >
          <IconPencil size={18} />
        </ActionIcon>
      </Tooltip>
      <Modal opened={opened} onClose={close} title={`Details of ${item.file.name}`} size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <DetailsForm value={details} onChange={setDetails} own />
          <Group justify="flex-end">
            <Button
              onClick={() => {
                manager.describe(item.id, details);
                close();
              }}
            >
              Save
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

/** FileRow is one file on its way. */
export function FileRow({ item }: { item: Item }) {
  const name = useLive().entries.get(item.entry)?.name || item.details.name || item.file.name;
  const goes = ['queued', 'sending', 'waiting'].includes(item.state);
  const stands = item.state === 'paused' || (item.state === 'failed' && item.url !== '');
  return (
    <Table.Tr data-testid="upload" data-name={item.file.name}>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>
        {item.entry ? (
          <Anchor component={Link} to={`/entries/${item.entry}`} fw={600} size="sm">
            {name}
          </Anchor>
        ) : (
          <Text fw={600} size="sm">
            {name}
          </Text>
        )}
        {item.path !== item.file.name && (
          <Text size="xs" c="dimmed">
            {item.path}
          </Text>
        )}
      </Table.Td>
      <Table.Td className="num" ta="right" data-label="Size">{bytes(item.file.size)}</Table.Td>
      <Table.Td data-label="Upload">
        <Transfer item={item} />
      </Table.Td>
      <Table.Td data-label={item.entry ? 'Processing' : undefined}>
        <Processing item={item} />
      </Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap" justify="flex-end">
          {item.state === 'chosen' && <Editor item={item} />}
          {goes && (
            <ActionIcon variant="subtle" color="gray" aria-label={`Pause ${item.file.name}`} onClick={() => manager.pause(item.id)}>
              <IconPlayerPause size={18} />
            </ActionIcon>
          )}
          {stands && (
            <ActionIcon variant="subtle" color="gray" aria-label={`Resume ${item.file.name}`} onClick={() => manager.resume(item.id)}>
              <IconPlayerPlay size={18} />
            </ActionIcon>
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={item.state === 'sent' ? `Take ${item.file.name} off the list` : `Cancel ${item.file.name}`}
            onClick={() => void manager.remove(item.id)}
          >
            <IconX size={18} />
          </ActionIcon>
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}
