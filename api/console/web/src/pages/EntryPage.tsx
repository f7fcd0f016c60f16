import { Alert, Anchor, Badge, Breadcrumbs, Button, Group, Paper, SegmentedControl, Skeleton, Stack, Tabs, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { Entry, EntryDetail } from '../api';
import { bytes, duration, resolution, time } from '../format';
import { useLive } from '../live/context';
import { overlay } from '../live/reduce';
import { useEntryActions } from '../parts/actions';
import { AssetTable } from '../parts/AssetTable';
import { EntryBadge, EntryProgress } from '../parts/EntryState';
import { Failure } from '../parts/Failure';
import { JsonView } from '../parts/JsonView';
import { LinkTable } from '../parts/LinkTable';
import { StageTimeline } from '../parts/StageTimeline';
import { Player } from '../player/Player';
import { linkOf, playables } from '../player/sources';
import { useEntry } from '../queries';
import { hasFailed, isWorking } from '../states';

function Header({ entry }: { entry: Entry }) {
  const navigate = useNavigate();
  const actions = useEntryActions(() => void navigate('/entries'));
  return (
    <Stack gap="xs">
      <Breadcrumbs>
        <Anchor component={Link} to="/entries" size="sm">
          Entries
        </Anchor>
        <Text size="sm" ff="monospace" c="dimmed">
          {entry.id}
        </Text>
      </Breadcrumbs>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group gap="sm">
          <Title order={1} size="h2" lineClamp={2}>
            {entry.name || entry.id}
          </Title>
          <EntryBadge entry={entry} />
        </Group>
        <Group gap="xs" wrap="nowrap">
          {hasFailed(entry) && (
            <Button leftSection={<IconRefresh size={16} />} loading={actions.busy} onClick={() => actions.retry(entry)}>
              Retry
            </Button>
          )}
          <Button variant="default" leftSection={<IconTrash size={16} />} disabled={actions.busy} onClick={() => actions.remove(entry)}>
            Delete …
          </Button>
        </Group>
      </Group>
      {hasFailed(entry) && (
        <Alert color="red" icon={<IconAlertTriangle />} title={entry.error_code || 'Failed'}>
          {entry.error_text || 'No reason was recorded.'}
        </Alert>
      )}
      <EntryProgress entry={entry} height="md" />
    </Stack>
  );
}

function Viewer({ detail }: { detail: EntryDetail }) {
  const { entry, links } = detail;
  const choices = playables(links);
  const [picked, setPicked] = useState('');
  const choice = choices.find((c) => c.technique.id === picked) ?? choices[0];
  if (!choice) {
    return (
      <Paper withBorder p="xl" ta="center">
        <Text c="dimmed">
          {isWorking(entry) ? 'The player appears here as soon as the first pictures are ready.' : 'This entry has nothing to play.'}
        </Text>
      </Paper>
    );
  }
  return (
    <Stack gap="xs">
      <SegmentedControl
        aria-label="Play by"
        value={choice.technique.id}
        data={choices.map((c) => ({ value: c.technique.id, label: c.technique.label }))}
        onChange={setPicked}
        style={{ alignSelf: 'flex-start' }}
      />
      <Player
        technique={choice.technique}
        source={choice.source}
        title={entry.name}
        poster={linkOf(links, 'poster')}
        storyboard={linkOf(links, 'storyboard')}
      />
    </Stack>
  );
}

function Facts({ entry }: { entry: Entry }) {
  const facts: [string, string][] = [
    ['Kind', entry.media_type],
    ['Duration', duration(entry.duration_ms)],
    ['Picture', resolution(entry.width, entry.height)],
    ['Stored', bytes(entry.size)],
    ['Version', String(entry.version)],
    ['Account', String(entry.account)],
    ['Reference', entry.reference_id || '–'],
    ['Created', time(entry.created_at)],
    ['Playable', time(entry.playable_at)],
    ['Ready', time(entry.ready_at)],
  ];
  return (
    <Paper withBorder p="md">
      <Stack gap={8}>
        {facts.map(([name, value]) => (
          <Group key={name} justify="space-between" gap="md" wrap="nowrap">
            <Text size="sm" c="dimmed">
              {name}
            </Text>
            <Text size="sm" ta="right" className="num" style={{ overflowWrap: 'anywhere' }}>
              {value}
            </Text>
          </Group>
        ))}
        {entry.tags.length > 0 && (
          <Group gap={4}>
            {entry.tags.map((tag) => (
              <Badge key={tag} variant="outline" tt="none">
                {tag}
              </Badge>
            ))}
          </Group>
        )}
        {entry.description && <Text size="sm">{entry.description}</Text>}
      </Stack>
    </Paper>
  );
}

function Sections({ detail }: { detail: EntryDetail }) {
  return (
    <Tabs defaultValue="outputs" keepMounted={false}>
      <Tabs.List>
        <Tabs.Tab value="outputs">Outputs ({detail.links.length})</Tabs.Tab>
        <Tabs.Tab value="assets">Assets ({detail.assets.length})</Tabs.Tab>
        <Tabs.Tab value="stages">Stages ({detail.tasks.length})</Tabs.Tab>
        <Tabs.Tab value="probe">Probe</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="outputs" pt="md">
        <LinkTable links={detail.links} />
      </Tabs.Panel>
      <Tabs.Panel value="assets" pt="md">
        <AssetTable assets={detail.assets} />
      </Tabs.Panel>
      <Tabs.Panel value="stages" pt="md">
        <StageTimeline tasks={detail.tasks} />
      </Tabs.Panel>
      <Tabs.Panel value="probe" pt="md">
        <JsonView value={detail.probe} empty="The source has not been probed yet." />
      </Tabs.Panel>
    </Tabs>
  );
}

export function EntryPage() {
  const { id = '' } = useParams();
  const live = useLive();
  const told = live.entries.get(id);
  const [working, setWorking] = useState(true);
  const { data, error, refetch } = useEntry(id, working);
  const fetched = data?.entry;
  const entry = fetched && (overlay([fetched], live)[0] ?? fetched);
  const still = entry ? isWorking(told ?? entry) : true;
  if (still !== working) setWorking(still);

  if (error && !data) return <Failure what={`Entry ${id}`} error={error} retry={refetch} />;
  if (!data || !entry) return <Skeleton height={480} aria-label="Loading" />;
  const detail = { ...data, entry };
  return (
    <Stack maw={1320}>
      <Header entry={entry} />
      <Group align="flex-start" gap="lg" wrap="wrap">
        <div style={{ flex: '1 1 560px', minWidth: 0 }}>
          <Viewer detail={detail} />
        </div>
        <div style={{ flex: '0 1 330px', minWidth: 260 }}>
          <Facts entry={entry} />
        </div>
      </Group>
      <Sections detail={detail} />
    </Stack>
  );
}
