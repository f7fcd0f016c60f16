import { Button, Group, Paper, Stack, Text } from '@mantine/core';
import { IconFile, IconFolder } from '@tabler/icons-react';
import { useRef, useState, type DragEvent } from 'react';
import { fromDrop, fromList, type Chosen } from './drop';

/** DropZone takes files and folders: dropped, or chosen by its buttons. */
export function DropZone({ onChosen }: { onChosen: (chosen: Chosen[]) => void }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    void fromDrop(event.dataTransfer).then(onChosen);
  }

  function choose(input: HTMLInputElement) {
    onChosen(fromList(input.files ?? []));
    input.value = ''; // so that the same file may be chosen again
  }

  return (
    <Paper
      withBorder
      p="xl"
      data-testid="dropzone"
      data-over={over || undefined}
      style={{ borderStyle: 'dashed', borderColor: over ? 'var(--mantine-primary-color-filled)' : undefined }}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Stack align="center" gap="sm">
        <Text>Drop files or folders here</Text>
        <Group>
          <Button variant="default" leftSection={<IconFile size={16} />} onClick={() => files.current?.click()}>
            Choose files
          </Button>
          <Button variant="default" leftSection={<IconFolder size={16} />} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
        </Group>
      </Stack>
      <input ref={files} type="file" multiple hidden aria-label="Files to upload" data-testid="files" onChange={(e) => choose(e.currentTarget)} />
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Folder to upload"
        data-testid="folder"
        onChange={(e) => choose(e.currentTarget)}
        {...{ webkitdirectory: '' }}
      />
    </Paper>
  );
}
