import { Alert, Button, Group } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

/** Failure says that something could not be loaded, why, and offers to try again. */
export function Failure({ what, error, retry }: { what: string; error: Error; retry: () => unknown }) {
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={`${what} could not be loaded`} role="alert">
      <Group justify="space-between">
        {error.message}
        <Button size="xs" variant="light" color="red" onClick={() => void retry()}>
          Try again
        </Button>
      </Group>
    </Alert>
  );
}
