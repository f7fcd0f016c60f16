import { Tooltip } from '@mantine/core';
import { ago, time } from '../format';

/** Ago is how long before `now` something was; the pointer tells when. */
export function Ago({ stamp, now }: { stamp: string | null; now: number }) {
  return (
    <Tooltip label={time(stamp)} disabled={!stamp}>
      <span className="num" style={{ whiteSpace: 'nowrap' }}>
        {ago(stamp, now)}
      </span>
    </Tooltip>
  );
}
