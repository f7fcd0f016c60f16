import { ActionIcon, Menu, ScrollArea, Tooltip } from '@mantine/core';
import { useState, type ReactNode } from 'react';
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
  const [opened, setOpened] = useState(false);
  return (
    <Menu position="top-end" withinPortal={false} shadow="md" width="max-content" opened={opened} onChange={setOpened}>
      <Menu.Target>
        <Tooltip label={label} withinPortal={false} disabled={opened}>
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
          <Menu.RadioGroup value={value} onChange={onChange}>
            {choices.map((choice) => (
              <Menu.RadioItem key={choice.id} value={choice.id} closeMenuOnClick data-choice={choice.id}>
                {choice.label}
              </Menu.RadioItem>
            ))}
          </Menu.RadioGroup>
        </ScrollArea.Autosize>
      </Menu.Dropdown>
    </Menu>
  );
}
