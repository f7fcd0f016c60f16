import { Button, Stack, Text } from '@mantine/core';
import { Link } from 'react-router';
import { Heading } from '../parts/Heading';

export function NotFound() {
  return (
    <Stack align="flex-start">
      <Heading title="There is no such page" />
      <Text c="dimmed">The address may be mistyped, or the page has moved.</Text>
      <Button component={Link} to="/entries">
        To the entries
      </Button>
    </Stack>
  );
}
