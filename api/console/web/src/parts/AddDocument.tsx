import { Alert, Button, FileInput, Group, Modal, Stack, Switch } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconFileUpload } from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../api';
import { sentence } from '../format';
import { useAction } from '../queries';

/** AddDocument hands a document over whose items make, change or delete entries, and goes to the job that it becomes. */
export function AddDocument() {
  const [opened, { open, close }] = useDisclosure();
  const [file, setFile] = useState<File | null>(null);
  const [dryRun, setDryRun] = useState(false);
  const [strict, setStrict] = useState(false);
  const add = useAction(api.addBulk);
  const navigate = useNavigate();

  function send() {
    if (file) add.mutate({ file, dryRun, strict }, { onSuccess: (job) => void navigate(`/bulk/${job.id}`) });
  }

  return (
    <>
      <Button leftSection={<IconFileUpload size={16} />} onClick={open}>
        Add a document
      </Button>
      <Modal opened={opened} onClose={close} title="Add a document" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <FileInput
            label="Document"
            description="XML (MRSS), CSV or JSON; its name says which"
            placeholder="Choose a file"
            accept=".xml,.csv,.json,.ndjson"
            value={file}
            onChange={(f) => {
              setFile(f);
              add.reset();
            }}
          />
          <Switch
            label="Dry run"
            description="Checks every item and changes nothing"
            checked={dryRun}
            onChange={(e) => setDryRun(e.currentTarget.checked)}
          />
          <Switch
            label="All or nothing"
            description="Applies no item when one of them is not valid"
            checked={strict}
            onChange={(e) => setStrict(e.currentTarget.checked)}
          />
          {add.error && (
            <Alert color="red" role="alert" title="The document was not taken in">
              {sentence(add.error.message)}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button disabled={!file} loading={add.isPending} onClick={send}>
              {dryRun ? 'Check' : 'Carry out'}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
