import { ActionIcon, AppShell, Badge, Burger, Group, NavLink, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconMoon, IconSun } from '@tabler/icons-react';
import { Link, NavLink as RouterLink, Outlet, useLocation } from 'react-router';
import { useLive } from '../live/context';
import { pages } from '../pages';

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('dark');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={`Switch to ${other}`}>
      <ActionIcon variant="default" size="lg" aria-label={`Switch to the ${other} colours`} onClick={() => setColorScheme(other)}>
        {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

function LiveBadge() {
  const { connected } = useLive();
  return (
    <Tooltip label={connected ? 'Changes arrive as they happen' : 'Reconnecting; what you see may be out of date'}>
      <Badge variant="dot" color={connected ? 'teal' : 'orange'} role="status" data-testid="live">
        {connected ? 'Live' : 'Offline'}
      </Badge>
    </Tooltip>
  );
}

/** Shell is the frame of every page: header, navigation, content. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  const { work } = useLive();
  const { pathname } = useLocation();
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="lg">
      <AppShell.Header>
        <Group h="100%" px="md" wrap="nowrap">
          <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
          <Group component={Link} gap="xs" {...{ to: '/entries' }} style={{ textDecoration: 'none', color: 'inherit' }}>
            <img src={`${import.meta.env.BASE_URL}sluice.svg`} width={28} height={28} alt="" />
            <Text fw={700} size="lg">
              sluice
            </Text>
          </Group>
          <Group ml="auto" gap="sm">
            <LiveBadge />
            <SchemeButton />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label="Pages">
        {pages.map(
          ({ path, nav }) =>
            nav && (
              <NavLink
                key={path}
                component={RouterLink}
                to={path}
                label={nav.label}
                leftSection={<nav.icon size={18} stroke={1.7} aria-hidden />}
                active={pathname === path || pathname.startsWith(`${path}/`)}
                rightSection={
                  path === '/work' && work && work.dead > 0 ? (
                    <Badge color="red" size="sm" circle aria-label={`${work.dead} dead tasks`}>
                      {work.dead > 99 ? '99+' : work.dead}
                    </Badge>
                  ) : null
                }
                onClick={close}
                style={{ borderRadius: 'var(--mantine-radius-md)' }}
              />
            ),
        )}
      </AppShell.Navbar>
      <AppShell.Main>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}
