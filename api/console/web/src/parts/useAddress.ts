import { useSearchParams } from 'react-router';

/** What a page shows is in its address, so that a view can be bookmarked, sent and gone back to. */
export function useAddress() {
  const [params, setParams] = useSearchParams();
  const page = Number(params.get('page'));
  return {
    get: (name: string) => params.get(name) ?? '',
    page: Number.isInteger(page) && page > 0 ? page : 1,
    /** set changes parameters; '' takes one away. Whatever but the page changes leads to the first page. */
    set: (change: Record<string, string>) =>
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          after.delete('page');
          for (const [name, value] of Object.entries(change)) {
            if (value) after.set(name, value);
            else after.delete(name);
          }
          return after;
        },
        { replace: true },
      ),
    turn: (to: number) =>
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          if (to > 1) after.set('page', String(to));
          else after.delete('page');
          return after;
        },
        { replace: true },
      ),
  };
}
