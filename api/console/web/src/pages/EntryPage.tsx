import { Alert, Anchor, Badge, Breadcrumbs, Button, Group, Paper, SegmentedControl, Skeleton, Stack, Tabs, Text } from '@mantine/core';
import { IconAlertTriangle, IconDownload, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { Entry, EntryDetail } from '../api';
import { bytes, duration, resolution, sentence, time, unknown } from '../format';
import { useLive } from '../live/context';
import { overlay } from '../live/reduce';
import { useEntryActions } from '../parts/actions';
import { AssetTable } from '../parts/AssetTable';
import { EntryBadge, EntryProgress } from '../parts/EntryState';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { JsonView } from '../parts/JsonView';
import { LinkTable } from '../parts/LinkTable';
import { StageTimeline } from '../parts/StageTimeline';
import { useAddress } from '../parts/useAddress';
import { Player } from '../player/Player';
import { linkOf, playables } from '../player/sources';
import { useEntry } from '../queries';
import { hasFailed, isWorking, stageName } from '../states';

/** Failed says what went wrong and where, and offers what may help. */
function Failed({ detail, busy, retry }: { detail: EntryDetail; busy: boolean; retry: () => void }) {
  const { entry, tasks } = detail;
  const dead = tasks.find((t) => t.state === 'dead' && !t.optional);
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={dead ? `Failed at the stage “${stageName(dead.stage)}”` : 'Failed'} role="alert">
      <Stack gap="xs" align="flex-start">
        <span>
          {sentence(entry.error_text || 'No reason was recorded')}
          {entry.error_code && ` (${entry.error_code})`}
        </span>
        <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} loading={busy} onClick={retry}>
          Try again
        </Button>
      </Stack>
    </Alert>
  );
}

function Header({ detail }: { detail: EntryDetail }) {
  const { entry } = detail;
  const navigate = useNavigate();
  const actions = useEntryActions(() => void navigate('/entries'));
  const original = linkOf(detail.links, 'original');
  return (
    <Stack gap="xs">
      <Crumbs id={entry.id} />
      <Group justify="space-between" align="flex-start">
        <div style={{ flex: '1 1 320px', minWidth: 0 }}>
          <Heading title={entry.name || entry.id}>
            <EntryBadge entry={entry} />
          </Heading>
        </div>
        <Group gap="xs">
          {original && (
            <Button component="a" href={original} download variant="default" leftSection={<IconDownload size={16} />}>
              Download original
            </Button>
          )}
          <Button variant="default" leftSection={<IconTrash size={16} />} disabled={actions.busy} onClick={() => actions.remove(entry)}>
            Delete …
          </Button>
        </Group>
      </Group>
      {hasFailed(entry) && <Failed detail={detail} busy={actions.busy} retry={() => actions.retry(entry)} />}
      <EntryProgress entry={entry} height="md" />
    </Stack>
  );
}

function Crumbs({ id }: { id: string }) {
  return (
    <Breadcrumbs>
      <Anchor component={Link} to="/entries" size="sm">
        Entries
      </Anchor>
      <Text size="sm" ff="monospace" c="dimmed">
        {id}
      </Text>
    </Breadcrumbs>
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
        className="filters"
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
    ['Kind', entry.media_type === 'unknown' ? unknown : entry.media_type],
    ['Duration', duration(entry.duration_ms)],
    ['Picture', resolution(entry.width, entry.height)],
    ['Stored', bytes(entry.size)],
    ['Version', String(entry.version)],
    ['Account', String(entry.account)],
    ['Reference', entry.reference_id || unknown],
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
        {entry.description && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {entry.description}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}

function Sections({ detail }: { detail: EntryDetail }) {
  const { get, set } = useAddress();
  return (
    <Tabs value={get('tab') || 'outputs'} onChange={(tab) => set({ tab: tab === 'outputs' ? '' : (tab ?? '') })} keepMounted={false}>
      <Tabs.List style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>
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

  if (!data || !entry) {
    return (
      <Stack>
        <Crumbs id={id} />
        <Heading title={`Entry ${id}`} />
        {error ? <Failure what="This entry" error={error} retry={refetch} /> : <Skeleton height={480} aria-label="Loading" />}
      </Stack>
    );
  }
  const detail = { ...data, entry };
  return (
    <Stack maw={1320}>
      <Header detail={detail} />
      <Group align="flex-start" gap="lg" wrap="wrap">
        <div style={{ flex: '4 1 560px', minWidth: 0 }}>
          <Viewer detail={detail} />
        </div>
        <div style={{ flex: '1 1 300px', minWidth: 260 }}>
          <Facts entry={entry} />
        </div>
      </Group>
      <Sections detail={detail} />
    </Stack>
  );
}
