import { useQuery } from '@tanstack/react-query';
import { parseStoryboard, type Tile } from './storyboard';

const none: Tile[] = [];

/** useStoryboard loads the preview pictures of a title; an entry without them simply has none. */
export function useStoryboard(url: string | undefined): Tile[] {
  const { data } = useQuery({
    queryKey: ['storyboard', url],
    enabled: Boolean(url),
    retry: false,
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const response = await fetch(url ?? '', { signal });
      if (!response.ok) throw new Error(`storyboard: the server answered ${response.status}`);
      return parseStoryboard(await response.text(), response.url);
    },
  });
  return data ?? none;
}
