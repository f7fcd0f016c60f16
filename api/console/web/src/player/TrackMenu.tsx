import { ActionIcon, Menu, ScrollArea, Tooltip } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Choice } from './engine';
import classes from './Player.module.css';

interface Props {
  label: string;
  icon: ReactNode;
  choices: Choice[];
  value: string;
  onChange: (id: string) => void;
  active?: boolean;
}

/** TrackMenu is one of the player's menus: a list of which one item is chosen. */
export function TrackMenu({ label, icon, choices, value, onChange, active }: Props) {
  return (
    <Menu position="top-end" withinPortal={false} shadow="md" width="max-content">
      <Menu.Target>
        <Tooltip label={label} withinPortal={false}>
          <ActionIcon
            variant="transparent"
            className={classes.button}
            data-active={active || undefined}
            aria-label={label}
            disabled={choices.length === 0}
          >
            {icon}
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown aria-label={label}>
        <Menu.Label>{label}</Menu.Label>
        <ScrollArea.Autosize mah={220} type="auto">
          {choices.map((choice) => (
            <Menu.Item
              key={choice.id}
              role="menuitemradio"
              aria-checked={choice.id === value}
              leftSection={<IconCheck size={14} opacity={choice.id === value ? 1 : 0} aria-hidden />}
              onClick={() => onChange(choice.id)}
              data-choice={choice.id}
            >
              {choice.label}
            </Menu.Item>
          ))}
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  );
}
