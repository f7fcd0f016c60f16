import { describe, expect, it } from 'vitest';
import { folderFilesPath } from '../api';
import { canDelete, canIgnore, canRetry, counted, fileFilters } from './folderStates';

describe('files of drop folders', () => {
  it('are offered what their state allows', () => {
    expect([canRetry({ state: 'error_handling' }), canIgnore({ state: 'error_handling' }), canDelete({ state: 'error_handling' })]).toEqual([true, true, true]);
    expect([canRetry({ state: 'purged' }), canIgnore({ state: 'purged' }), canDelete({ state: 'purged' })]).toEqual([false, false, false]);
    expect([canRetry({ state: 'processing' }), canIgnore({ state: 'processing' }), canDelete({ state: 'processing' })]).toEqual([false, false, true]);
  });
  it('are in one filter each', () => {
    const all = fileFilters.flatMap((f) => f.states);
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBe(15);
  });
  it('are counted by state', () => {
    expect(counted({ pending: 2, waiting: 3, handled: 5 }, ['pending', 'waiting'])).toBe(5);
  });
  it('are asked for by what is set', () => {
    const q = { folder: null, states: [], search: ' ', limit: 25, offset: 0 };
    expect(folderFilesPath(q)).toBe('/v1/drop-folders/files?limit=25&offset=0');
    expect(folderFilesPath({ ...q, folder: 3, states: ['waiting'], search: 'a&b' })).toBe(
      '/v1/drop-folders/files?folder=3&state=waiting&search=a%26b&limit=25&offset=0',
    );
  });
});
