import { Group, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

/** Heading is the one first heading of a page, which names the browser's tab too; children stand beside it. */
export function Heading({ title, children }: { title: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · sluice`;
  }, [title]);
  return (
    <Group gap="sm">
      <Title order={1} size="h2" lineClamp={3} style={{ overflowWrap: 'anywhere' }}>
        {title}
      </Title>
      {children}
    </Group>
  );
}
