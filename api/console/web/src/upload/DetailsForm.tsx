import { SimpleGrid, Textarea, TextInput } from '@mantine/core';
import type { Details } from './manager';

interface Props {
  value: Details;
  onChange: (value: Details) => void;
  /** The fields that belong to one file only. */
  own?: boolean;
}

/** DetailsForm is what an uploader says of its files. */
export function DetailsForm({ value, onChange, own = false }: Props) {
  const field = (key: keyof Details, label: string, description?: string) => (
    <TextInput label={label} description={description} value={value[key]} onChange={(e) => onChange({ ...value, [key]: e.currentTarget.value })} />
  );
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {own && field('name', 'Name', 'Empty: the name of the file')}
      {own && field('referenceId', 'Reference ID')}
      {field('tags', 'Tags', 'With commas between them')}
      {field('categories', 'Categories', 'Full names such as Shows>News, with commas between them')}
      <Textarea
        label="Description"
        autosize
        minRows={2}
        maxRows={6}
        value={value.description}
        onChange={(e) => onChange({ ...value, description: e.currentTarget.value })}
      />
    </SimpleGrid>
  );
}
