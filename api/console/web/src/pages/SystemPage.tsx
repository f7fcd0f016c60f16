import { Anchor, Badge, Group, Paper, Progress, SimpleGrid, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Component, System, TaskState, Volume, Worker } from '../api';
import { bytes, elapsed, percent, sentence, span, time, unknown } from '../format';
import { useLive } from '../live/context';
import { Failure } from '../parts/Failure';
import { Heading } from '../parts/Heading';
import { Records } from '../parts/Records';
import { useSystem, useWork } from '../queries';
import { stageName, taskName, type Look } from '../states';

const colors: Record<Component['status'], string> = { ok: 'teal', degraded: 'orange', failed: 'red' };

function Status({ status }: { status: Component['status'] }) {
  return (
    <Badge variant="light" color={colors[status]}>
      {status}
    </Badge>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Text size="sm" c="dimmed" mb={6}>
        {title}
      </Text>
      {children}
    </Paper>
  );
}

function Outside({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Anchor href={href} target="_blank" rel="noreferrer">
      <Group gap={6} component="span">
        {children} <IconExternalLink size={16} aria-hidden />
      </Group>
    </Anchor>
  );
}

function Isolation({ isolation }: { isolation: System['isolation'] }) {
  return (
    <Card title="Media isolation">
      <Text fw={600} mb={6}>
        {isolation.level || 'not reported'}
      </Text>
      <Group gap={6}>
        {isolation.mechanisms.map((name) => (
          <Badge key={name} variant="light" color="teal" tt="none">
            {name}
          </Badge>
        ))}
        {isolation.missing.map((name) => (
          <Badge key={name} variant="outline" color="orange" tt="none">
            no {name}
          </Badge>
        ))}
      </Group>
    </Card>
  );
}

const latency = (us: number | undefined) => (!us ? unknown : us < 1000 ? `${us} µs` : span(us / 1000));

function Components({ components }: { components: Component[] }) {
  return (
    <Records<Component>
      label="Components"
      idAccessor="name"
      empty="Nothing is reported."
      records={components}
      columns={[
        { accessor: 'name', title: 'Component', render: (c) => <Text size="sm" fw={600}>{c.name}</Text> },
        { accessor: 'status', title: 'State', width: 120, render: (c) => <Status status={c.status} /> },
        {
          accessor: 'detail',
          title: 'Detail',
          render: (c) =>
            c.detail && (
              <Text size="sm" className={c.status === 'ok' ? undefined : 'reason'} style={{ overflowWrap: 'anywhere' }}>
                {c.status === 'ok' ? c.detail : sentence(c.detail)}
              </Text>
            ),
        },
        { accessor: 'version', title: 'Version', width: 140, render: (c) => c.version || unknown },
        { accessor: 'took_us', title: 'Answers in', width: 110, textAlign: 'right', render: (c) => latency(c.took_us) },
      ]}
    />
  );
}

/** Longer than a worker that lives is silent, in milliseconds. */
const silent = 15_000;

function workerLook(worker: Worker): Look {
  if (worker.running.length > 0) return { label: 'Working', color: 'blue' };
  if (worker.silent_ms > silent) return { label: 'Silent', color: 'orange' };
  return { label: 'Idle', color: 'teal' };
}

function Doing({ worker, now }: { worker: Worker; now: number }) {
  if (worker.running.length === 0) {
    const gone = worker.silent_ms > silent;
    return (
      <Text size="sm" c="dimmed">
        {gone ? `It has not been heard of for ${span(worker.silent_ms)}: it hangs, or its process is gone.` : 'It waits for work.'}
      </Text>
    );
  }
  return (
    <Stack gap={4}>
      {worker.running.map((t) => (
        <Text size="sm" key={t.id} className="num">
          {[stageName(t.stage), taskName(t)].filter(Boolean).join(' · ')} of{' '}
          <Anchor component={Link} to={`/entries/${t.entry_id}?tab=stages`} size="sm" ff="monospace">
            {t.entry_id}
          </Anchor>
          , {span(elapsed(t.started_at, null, now))}
          {t.total > 0 && `, ${percent(t.done, t.total)} %`}
        </Text>
      ))}
    </Stack>
  );
}

function Workers({ workers, now }: { workers: Worker[]; now: number }) {
  return (
    <Records<Worker>
      label="Workers"
      idAccessor="name"
      empty="No worker is known: nothing is processed until one starts."
      records={workers}
      columns={[
        {
          accessor: 'name',
          title: 'Worker',
          width: 240,
          render: (w) => (
            <Text size="sm" fw={600} ff="monospace">
              {w.name}
            </Text>
          ),
        },
        {
          accessor: 'state',
          title: 'State',
          width: 120,
          render: (w) => (
            <Badge variant="light" color={workerLook(w).color}>
              {workerLook(w).label}
            </Badge>
          ),
        },
        { accessor: 'running', title: 'Does', render: (w) => <Doing worker={w} now={now} /> },
        {
          accessor: 'stages',
          title: 'Takes',
          width: 260,
          render: (w) => (
            <Text size="xs" c="dimmed">
              {w.stages.map(stageName).join(', ') || unknown}
            </Text>
          ),
        },
      ]}
    />
  );
}

function Disk({ volume }: { volume: Volume }) {
  const used = volume.size - volume.free;
  const short = volume.free < volume.reserve;
  const share = percent(used, volume.size);
  return (
    <Card title={`Volume: ${volume.name}`}>
      <Text fw={600} className="num">
        {bytes(volume.free)} free of {bytes(volume.size)}
      </Text>
      <Progress.Root size="md" my={6}>
        <Progress.Section value={share} color={short ? 'red' : share >= 80 ? 'orange' : 'teal'} aria-label={`Volume ${volume.name}: ${share} % used`} />
      </Progress.Root>
      <Text size="sm" c={short ? undefined : 'dimmed'} className={short ? 'reason num' : 'num'}>
        {share} % used · {bytes(volume.reserve)} kept in reserve
        {short && '. New files wait.'}
      </Text>
    </Card>
  );
}

const queued: [string, TaskState[]][] = [
  ['running', ['running']],
  ['ready to run', ['runnable', 'queued']],
  ['waiting', ['waiting']],
  ['dead', ['dead']],
];

function Queue() {
  const live = useLive();
  const { data } = useWork();
  const work = live.work ?? data;
  return (
    <Card title="Work">
      {work ? (
        <Group gap="lg">
          {queued.map(([label, states]) => {
            const n = states.reduce((sum, s) => sum + work.stages.reduce((m, stage) => m + (stage.counts[s] ?? 0), 0), 0);
            return (
              <Text key={label} size="sm" className={label === 'dead' && n > 0 ? 'num reason' : 'num'}>
                <b>{n.toLocaleString()}</b> {label}
              </Text>
            );
          })}
        </Group>
      ) : (
        <Skeleton height={24} aria-label="Loading" />
      )}
      <Anchor component={Link} to="/work" size="sm" mt={6} display="inline-block">
        By stage, and dead letters
      </Anchor>
    </Card>
  );
}

export function SystemPage() {
  const { data: system, error, refetch } = useSystem();
  if (!system) {
    return (
      <Stack>
        <Heading title="System" />
        {error ? <Failure what="The state of the system" error={error} retry={refetch} /> : <Skeleton height={320} aria-label="Loading" />}
      </Stack>
    );
  }
  const now = Date.parse(system.now);
  return (
    <Stack gap="lg">
      <Heading title="System">
        <Status status={system.status} />
      </Heading>
      {error && <Failure what="The state of the system" error={error} retry={refetch} />}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        <Card title="Version">
          <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
            {system.version}
          </Text>
          <Text size="sm" c="dimmed">
            up {span(elapsed(system.started_at, system.now, 0))}, since {time(system.started_at)}
          </Text>
        </Card>
        <Queue />
        <Isolation isolation={system.isolation} />
        {system.volumes.map((v) => (
          <Disk key={v.name} volume={v} />
        ))}
      </SimpleGrid>
      <Title order={2} size="h3">
        Workers
      </Title>
      <Workers workers={system.workers} now={now} />
      <Title order={2} size="h3">
        Components
      </Title>
      <Components components={system.components} />
      <Group gap="lg">
        {system.metrics_url && <Outside href={system.metrics_url}>Metrics for Prometheus</Outside>}
        <Outside href={`${import.meta.env.BASE_URL}licenses.md`}>Licences of what the console is made of</Outside>
      </Group>
    </Stack>
  );
}
