import { ActionIcon, Box, Code, CopyButton, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';

/** JsonView shows a JSON value as text that can be read, selected and copied. */
export function JsonView({ value, empty }: { value: unknown; empty: string }) {
  if (value == null) return <Text c="dimmed">{empty}</Text>;
  const text = JSON.stringify(value, null, 2);
  return (
    <Box pos="relative">
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon variant="default" pos="absolute" top={8} right={8} onClick={copy} aria-label="Copy the JSON">
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
      { }
      <Code block tabIndex={0} mah={480} style={{ overflow: 'auto' }}>
        {text}
      </Code>
    </Box>
  );
}
