import { createTheme } from '@mantine/core';

/** System fonts only: the console makes no request to anyone but its server. */
export const theme = createTheme({
  primaryColor: 'cyan',
  primaryShade: { light: 8, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
});
