import { createTheme, type CSSVariablesResolver } from '@mantine/core';

/** System fonts only: the console makes no request to anyone but its server. */
export const theme = createTheme({
  primaryColor: 'cyan',
  primaryShade: 9,
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
  // Its cross is no name for those who cannot see it.
  components: { CloseButton: { defaultProps: { 'aria-label': 'Close' } } },
});

/** The library's secondary text, links and some badges stay below the contrast of 4.5:1 that WCAG 2.2 §1.4.3 asks for. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    '--mantine-color-anchor': 'var(--mantine-color-cyan-9)',
    '--mantine-color-cyan-outline': 'var(--mantine-color-cyan-9)',
    '--mantine-color-teal-light-color': '#05573f',
    '--mantine-color-orange-light-color': '#8a3200',
    '--mantine-color-orange-outline': '#a33c00',
  },
  dark: { '--mantine-color-dimmed': 'var(--mantine-color-dark-1)' },
});
