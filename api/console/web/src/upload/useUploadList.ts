import { useSyncExternalStore } from 'react';
import { manager } from './manager';

/** useUploadList is what the uploader of this page works on. */
export const useUploadList = () => useSyncExternalStore(manager.subscribe, manager.read);
