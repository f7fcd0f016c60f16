/** A file that was chosen or dropped, and its path below the folder that was. */
export interface Chosen {
  file: File;
  path: string;
}

/** fromList is what an <input type="file"> has, also one that takes folders. */
export function fromList(list: Iterable<File>): Chosen[] {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** fromDrop is everything that was dropped, folders with all that is in them. */
export async function fromDrop(data: DataTransfer): Promise<Chosen[]> {
  // The list is empty once the event is over: its entries are taken first.
  const items = [...data.items].filter((item) => item.kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry());
  const files = items.map((item) => item.getAsFile());
  const all = await Promise.all(
    entries.map((entry, i) => {
      if (entry) return walk(entry);
      const file = files[i];
      return Promise.resolve(file ? [{ file, path: file.name }] : []);
    }),
  );
  return all.flat();
}

async function walk(entry: FileSystemEntry): Promise<Chosen[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, path }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Chosen[] = [];
  for (;;) {
    // A reader gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const child of some) found.push(...(await walk(child)));
  }
}
