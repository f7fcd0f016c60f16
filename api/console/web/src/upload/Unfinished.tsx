import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { ago, bytes } from '../format';
import { useNow } from '../parts/useNow';
import { manager } from './manager';
import type { Remembered } from './memory';

/** Unfinished tells of uploads that a reload or a restart of the browser interrupted: with the file chosen anew they go on. */
export function Unfinished({ list }: { list: Remembered[] }) {
  const now = useNow(60_000);
  if (list.length === 0) return null;
  return (
    <Alert icon={<IconHistory />} title="Unfinished uploads" data-testid="unfinished">
      <Stack gap="xs">
        <Text size="sm">Choose these files again to go on where they stopped. What is at the server already is not sent anew.</Text>
        {list.map((r) => (
          <Group key={r.fingerprint} justify="space-between" wrap="nowrap">
            <Text size="sm">
              {r.name} ({bytes(r.size)}), begun {ago(new Date(r.startedAt).toISOString(), now)}
            </Text>
            <Button size="xs" variant="default" onClick={() => void manager.forget(r)}>
              Give up
            </Button>
          </Group>
        ))}
      </Stack>
    </Alert>
  );
}
