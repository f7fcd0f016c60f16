import { createContext, useContext } from 'react';
import { emptyLive, type LiveState } from './reduce';

export const LiveContext = createContext<LiveState>(emptyLive);

/** useLive is what the event stream has told: overlay it on what was fetched. */
export const useLive = () => useContext(LiveContext);
