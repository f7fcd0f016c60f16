import { Badge, Group, Stack, Text } from '@mantine/core';
import type { Asset } from '../api';
import { bitRate, bytes, language, resolution, unknown } from '../format';
import { JsonView } from './JsonView';
import { Records } from './Records';

const colors: Record<Asset['status'], string> = {
  ready: 'teal',
  converting: 'blue',
  importing: 'blue',
  queued: 'gray',
  deleted: 'gray',
  error: 'red',
};

function Name({ asset }: { asset: Asset }) {
  return (
    <Stack gap={2}>
      <Group gap={6}>
        <Text size="sm" fw={600}>
          {asset.name}
        </Text>
        {asset.original && <Badge size="xs" variant="outline">original</Badge>}
        {asset.default && <Badge size="xs" variant="outline" color="gray">default</Badge>}
      </Group>
      <Text size="xs" c="dimmed" ff="monospace">
        {asset.id}
      </Text>
    </Stack>
  );
}

const text = (value: string) => value || unknown;

/** AssetTable lists the stored objects of an entry; a row opens to show what only its type has. */
export function AssetTable({ assets }: { assets: Asset[] }) {
  return (
    <Records<Asset>
      label="Assets"
      empty="There are no assets."
      records={assets}
      rowExpansion={{
        expandable: ({ record }) => record.props != null,
        content: ({ record }) => <JsonView value={record.props} empty="" />,
      }}
      columns={[
        { accessor: 'name', title: 'Asset', render: (a) => <Name asset={a} /> },
        { accessor: 'type', title: 'Type', render: (a) => (a.type === 'flavor' ? text(a.kind) : a.type) },
        {
          accessor: 'status',
          title: 'State',
          render: (a) => (
            <Stack gap={2} align="flex-start">
              <Badge variant="light" color={colors[a.status]}>
                {a.parts > 0 ? `${a.status} · ${a.parts} parts` : a.status}
              </Badge>
              {a.error_text && (
                <Text size="xs" className="reason">
                  {a.error_text}
                </Text>
              )}
            </Stack>
          ),
        },
        { accessor: 'codec', title: 'Codec', render: (a) => text([a.container, a.codec].filter(Boolean).join(' · ')) },
        {
          accessor: 'picture',
          title: 'Picture',
          textAlign: 'right',
          render: (a) => resolution(a.width, a.height) + (a.frame_rate > 0 ? ` @ ${Number(a.frame_rate.toFixed(3))}` : ''),
        },
        { accessor: 'bit_rate', title: 'Bit rate', textAlign: 'right', render: (a) => bitRate(a.bit_rate) },
        { accessor: 'size', title: 'Size', textAlign: 'right', render: (a) => bytes(a.size) },
        { accessor: 'language', title: 'Language', render: (a) => text([...new Set([language(a.language), a.title])].filter(Boolean).join(' · ')) },
      ]}
    />
  );
}
