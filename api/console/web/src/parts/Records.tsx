import { Paper, Stack, Text } from '@mantine/core';
import { DataTable, type DataTableColumn, type DataTableProps } from 'mantine-datatable';
import { useEffect, type ReactNode } from 'react';

type Props<T> = DataTableProps<T> & {
  label: string;
  columns: DataTableColumn<T>[];
  /** What to say, and perhaps to offer, while there is nothing to list. */
  empty: ReactNode;
};

/** named gives each cell the title of its column: on a phone a row is a card, whose lines the titles begin. */
function named<T>(column: DataTableColumn<T>): DataTableColumn<T> {
  return typeof column.title === 'string' ? { ...column, customCellAttributes: () => ({ 'data-label': column.title }) } : column;
}

/** Records is the table that every list of the console is shown in. */
export function Records<T>({ label, columns, empty, ...table }: Props<T>) {
  const { records, totalRecords, page, recordsPerPage, onPageChange } = table as {
    records?: T[];
    totalRecords?: number;
    page?: number;
    recordsPerPage?: number;
    onPageChange?: (page: number) => void;
  };
  const last = totalRecords && recordsPerPage ? Math.ceil(totalRecords / recordsPerPage) : 1;
  const beyond = page !== undefined && page > last && records?.length === 0 && totalRecords !== undefined && !table.fetching;
  useEffect(() => {
    if (beyond) onPageChange?.(last); // the rows of the last page are gone
  }, [beyond, last, onPageChange]);
  const props = {
    minHeight: records?.length ? undefined : typeof empty === 'string' ? 140 : 190,
    verticalSpacing: 'xs',
    scrollAreaProps: { type: 'auto' },
    paginationText: ({ from, to, totalRecords: all }: { from: number; to: number; totalRecords: number }) =>
      all === 0 ? 'None' : `${from.toLocaleString()}–${to.toLocaleString()} of ${all.toLocaleString()}`,
    emptyState: (
      <Stack align="center" gap="xs" p="lg" style={{ pointerEvents: 'auto', color: 'var(--mantine-color-text)' }}>
        {typeof empty === 'string' ? <Text c="dimmed">{empty}</Text> : empty}
      </Stack>
    ),
    ...table,
    'aria-label': label,
    columns: columns.map(named),
    classNames: { table: 'records' },
  } as DataTableProps<T>;
  return (
    <Paper withBorder style={{ overflow: 'hidden' }}>
      <DataTable<T> {...props} />
    </Paper>
  );
}
