import { Anchor, Badge, Group, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Component, System } from '../api';
import { elapsed, span, time } from '../format';
import { Failure } from '../parts/Failure';
import { useSystem } from '../queries';

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

function Components({ components }: { components: Component[] }) {
  return (
    <Paper withBorder>
      <Table.ScrollContainer minWidth={560}>
        <Table verticalSpacing="xs" aria-label="Components">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Component</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Version</Table.Th>
              <Table.Th>Detail</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {components.map((c) => (
              <Table.Tr key={c.name}>
                <Table.Th scope="row">{c.name}</Table.Th>
                <Table.Td>
                  <Status status={c.status} />
                </Table.Td>
                <Table.Td>{c.version}</Table.Td>
                <Table.Td>{c.detail}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

export function SystemPage() {
  const { data: system, error, refetch } = useSystem();
  if (error && !system) return <Failure what="The state of the system" error={error} retry={refetch} />;
  if (!system) return <Skeleton height={320} />;
  return (
    <Stack gap="lg">
      <Group>
        <Title order={1} size="h2">System</Title>
        <Status status={system.status} />
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        <Card title="Version">
          <Text fw={600}>{system.version}</Text>
        </Card>
        <Card title="Up">
          <Text fw={600}>{span(elapsed(system.started_at, system.now, 0))}</Text>
          <Text size="sm" c="dimmed">
            since {time(system.started_at)}
          </Text>
        </Card>
        <Isolation isolation={system.isolation} />
      </SimpleGrid>
      <Components components={system.components} />
      <Group gap="lg">
        {system.metrics_url && <Outside href={system.metrics_url}>Metrics for Prometheus</Outside>}
        <Outside href={`${import.meta.env.BASE_URL}licenses.md`}>Licences of what the console is made of</Outside>
      </Group>
    </Stack>
  );
}
