import { CloseButton, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';

/** Typing settles for this long before a list is fetched, in milliseconds. */
const searchDelay = 250;

/** SearchBox tells what is typed once typing rests. */
export function SearchBox({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const settle = useDebouncedCallback(onChange, searchDelay);
  function change(next: string) {
    setTyped(next);
    settle(next);
  }
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={typed && <CloseButton size="sm" aria-label="Clear the search" onClick={() => change('')} />}
      value={typed}
      onChange={(e) => change(e.currentTarget.value)}
      w={{ base: '100%', xs: 320 }}
    />
  );
}
