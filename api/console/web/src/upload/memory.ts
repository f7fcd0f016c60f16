/** What the browser remembers of uploads that are not finished: with it, and the file chosen anew, they go on after a restart. */

export interface Remembered {
  /** Tells the file from others: its path, size and time. */
  fingerprint: string;
  url: string;
  entry: string;
  name: string;
  size: number;
  startedAt: number;
}

const databaseName = 'sluice-uploads';
const storeName = 'uploads';

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: 'fingerprint' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB cannot be opened'));
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await database();
  return new Promise((resolve, reject) => {
    const request = what(db.transaction(storeName, mode).objectStore(storeName));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'));
  });
}

export const memory = {
  all: () => run<Remembered[]>('readonly', (s) => s.getAll() as IDBRequest<Remembered[]>),
  get: (fingerprint: string) => run<Remembered | undefined>('readonly', (s) => s.get(fingerprint) as IDBRequest<Remembered | undefined>),
  put: (r: Remembered) => run('readwrite', (s) => s.put(r)),
  forget: (fingerprint: string) => run('readwrite', (s) => s.delete(fingerprint)),
};

export const fingerprintOf = (file: File, path: string) => [path, file.size, file.lastModified].join('|');
