import { Alert, Button, Code, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useRouteError } from 'react-router';

/** RouteFailure is shown in place of a page that threw. */
export function RouteFailure() {
  const error = useRouteError();
  return (
    <Stack p="md" align="flex-start">
      <Alert color="red" icon={<IconAlertTriangle />} title="This page failed" w="100%">
        <Code block>{error instanceof Error ? error.message : String(error)}</Code>
      </Alert>
      <Button onClick={() => window.location.reload()}>Load again</Button>
    </Stack>
  );
}
