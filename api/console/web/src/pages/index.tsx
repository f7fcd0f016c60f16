import { IconActivity, IconMovie, IconServer, IconUpload, type Icon } from '@tabler/icons-react';
import type { ReactElement } from 'react';
import { EntriesPage } from './EntriesPage';
import { EntryPage } from './EntryPage';
import { SystemPage } from './SystemPage';
import { UploadPage } from './UploadPage';
import { WorkPage } from './WorkPage';

export interface Page {
  path: string;
  element: ReactElement;
  /** How the page appears in the navigation; a page without it is reached from another one. */
  nav?: { label: string; icon: Icon };
}

/** pages is the table of contents of the console: a new page is a new row. */
export const pages: Page[] = [
  { path: '/entries', element: <EntriesPage />, nav: { label: 'Entries', icon: IconMovie } },
  { path: '/entries/:id', element: <EntryPage /> },
  { path: '/upload', element: <UploadPage />, nav: { label: 'Upload', icon: IconUpload } },
  { path: '/work', element: <WorkPage />, nav: { label: 'Work', icon: IconActivity } },
  { path: '/system', element: <SystemPage />, nav: { label: 'System', icon: IconServer } },
];
