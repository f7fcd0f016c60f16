import { Alert, Button, Group } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { ApiError } from '../api';
import { sentence } from '../format';

/** Failure says that something could not be loaded, why, and offers to try again where that may help. */
export function Failure({ what, error, retry }: { what: string; error: Error; retry: () => unknown }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={missing ? `${what} does not exist` : `${what} could not be loaded`} role="alert">
      <Group justify="space-between">
        {sentence(error.message)}
        {!missing && (
          <Button size="xs" variant="light" color="red" onClick={() => void retry()}>
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  );
}
