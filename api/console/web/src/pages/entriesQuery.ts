import type { EntryOrder, EntryQuery } from '../api';
import { filters } from '../states';

export const pageSizes = [25, 50, 100];

const orders: EntryOrder[] = ['created', 'updated', 'name', 'duration'];

/** What the entries page shows; all of it is in its address, so that a view can be bookmarked and sent. */
export interface EntriesView {
  search: string;
  filter: string;
  order: EntryOrder;
  descending: boolean;
  page: number;
  size: number;
}

const initial: EntriesView = { search: '', filter: 'all', order: 'created', descending: true, page: 1, size: 25 };

/** readView takes a view from an address; what it does not understand is left at its default. */
export function readView(params: URLSearchParams): EntriesView {
  const sort = params.get('sort') ?? '-created';
  const order = orders.find((o) => o === sort.replace(/^-/, ''));
  const page = Number(params.get('page'));
  const size = Number(params.get('size'));
  const filter = params.get('show') ?? '';
  return {
    search: params.get('q') ?? '',
    filter: filters.some((f) => f.value === filter) ? filter : initial.filter,
    order: order ?? initial.order,
    descending: order ? sort.startsWith('-') : true,
    page: Number.isInteger(page) && page > 0 ? page : 1,
    size: pageSizes.includes(size) ? size : initial.size,
  };
}

/** writeView is the inverse of readView; defaults are left out. */
export function writeView(view: EntriesView): URLSearchParams {
  const params = new URLSearchParams();
  if (view.search) params.set('q', view.search);
  if (view.filter !== initial.filter) params.set('show', view.filter);
  const sort = (view.descending ? '-' : '') + view.order;
  if (sort !== '-created') params.set('sort', sort);
  if (view.page !== 1) params.set('page', String(view.page));
  if (view.size !== initial.size) params.set('size', String(view.size));
  return params;
}

export function toQuery(view: EntriesView): EntryQuery {
  return {
    search: view.search.trim(),
    status: filters.find((f) => f.value === view.filter)?.statuses ?? [],
    order: view.order,
    descending: view.descending,
    limit: view.size,
    offset: (view.page - 1) * view.size,
  };
}
