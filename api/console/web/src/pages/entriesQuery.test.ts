import { describe, expect, it } from 'vitest';
import { entriesPath } from '../api';
import { readView, toQuery, writeView, type EntriesView } from './entriesQuery';

const view: EntriesView = { search: 'a b', filter: 'failed', order: 'name', descending: false, page: 3, size: 50 };

describe('the address of the entries page', () => {
  it('survives a round trip', () => expect(readView(writeView(view))).toEqual(view));

  it('is bare for the default view', () => expect(writeView(readView(new URLSearchParams())).toString()).toBe(''));

  it.each(['page=-1', 'page=1.5', 'page=x', 'size=7', 'show=nonsense', 'sort=-secret'])('falls back for %s', (query) =>
    expect(readView(new URLSearchParams(query))).toEqual(readView(new URLSearchParams())),
  );
});

describe('toQuery', () => {
  it('turns a view into the request of its page', () =>
    expect(entriesPath(toQuery(view))).toBe(
      '/v1/entries?search=a+b&status=error_importing%2Cerror_converting&order=name&limit=50&offset=100',
    ));
  it('asks for no status when everything is shown', () =>
    expect(entriesPath(toQuery(readView(new URLSearchParams())))).toBe('/v1/entries?order=-created&limit=25&offset=0'));
});
