import { ActionIcon, Anchor, CopyButton, Group, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { Link, LinkKind } from '../api';
import { Records } from './Records';

const kinds: Record<LinkKind, string> = {
  hls_fmp4: 'HLS, fMP4 segments',
  hls_ts: 'HLS, TS segments',
  dash: 'MPEG-DASH',
  progressive: 'Progressive MP4',
  audio: 'Audio only',
  poster: 'Poster',
  storyboard: 'Storyboard',
  caption: 'Captions',
  original: 'Original',
};

const absolute = (url: string) => new URL(url, window.location.href).href;

/** LinkTable lists every output of an entry with its full address to open or copy. */
export function LinkTable({ links }: { links: Link[] }) {
  return (
    <Records<Link>
      label="Outputs"
      idAccessor="url"
      empty="Nothing is published yet."
      records={links}
      columns={[
        { accessor: 'kind', title: 'Output', width: 180, render: (l) => kinds[l.kind] ?? l.kind },
        { accessor: 'label', title: 'Name', width: 200 },
        {
          accessor: 'url',
          title: 'Address',
          render: (l) => (
            <Group gap="xs" wrap="nowrap" justify="space-between" flex={1}>
              <Anchor href={l.url} target="_blank" rel="noreferrer" size="sm" style={{ overflowWrap: 'anywhere' }}>
                <Text span ff="monospace" size="xs">
                  {absolute(l.url)}
                </Text>
              </Anchor>
              <CopyButton value={absolute(l.url)}>
                {({ copied, copy }) => (
                  <Tooltip label={copied ? 'Copied' : 'Copy'}>
                    <ActionIcon variant="subtle" color={copied ? 'teal' : 'gray'} onClick={copy} aria-label={`Copy the address of ${l.label}`}>
                      {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
                    </ActionIcon>
                  </Tooltip>
                )}
              </CopyButton>
            </Group>
          ),
        },
      ]}
    />
  );
}
