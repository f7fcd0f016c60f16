import { IconMovie, IconMusic, IconPhoto } from '@tabler/icons-react';
import { useState } from 'react';
import type { Entry } from '../api';

const icons = { video: IconMovie, audio: IconMusic, image: IconPhoto, unknown: IconMovie };

/** Poster is the small picture of an entry, or a sign for its kind while there is none. */
export function Poster({ entry }: { entry: Entry }) {
  const [missing, setMissing] = useState('');
  const Sign = icons[entry.media_type] ?? IconMovie;
  if (!entry.poster || missing === entry.poster) {
    return (
      <span className="poster" aria-hidden>
        <Sign size={20} />
      </span>
    );
  }
  return <img className="poster" src={entry.poster} alt="" loading="lazy" onError={() => setMissing(entry.poster)} />;
}
