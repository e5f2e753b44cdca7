// Reads a whole file with the callbacks of fs, which cost a third of file handles (35 µs against 90): a start with a hundred thousand
// names needs that. Between the folder of a storage and its values.

import { close, constants, fstat, open, read, type Stats } from 'node:fs';

/** Far above any value: the list of a hundred thousand names has 8 MB. A larger file is not linkgate's. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** O_NONBLOCK: a named pipe would block one of the few threads for file calls for ever. It is opened without waiting, and refused. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code });

/** Why the file is refused, or undefined. */
const objection = (stats: Stats): Error | undefined => {
  if (stats.isDirectory()) return coded('EISDIR', 'is a folder');
  if (!stats.isFile()) return coded('ENXIO', 'is no file');
  return stats.size > LARGEST_BYTES ? coded('EFBIG', `has ${stats.size} bytes`) : undefined;
};

/** The content at the time it was opened; links are not followed. Rejects with the errors of the file system. */
export const readWhole = (path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    open(path, FLAGS, (error, fd) => {
      if (error !== null) return reject(error);
      const end = (failure: Error | null, content?: Buffer): void =>
        close(fd, () => {
          if (failure === null && content !== undefined) resolve(content);
          else reject(failure ?? new Error('nothing was read'));
        });
      fstat(fd, (error, stats) => {
        if (error !== null) return end(error);
        const against = objection(stats);
        if (against !== undefined) return end(against);
        const content = Buffer.allocUnsafe(stats.size);
        const more = (at: number): void => {
          if (at === content.length) return end(null, content);
          read(fd, content, at, content.length - at, at, (error, bytes) => {
            if (error !== null) return end(error);
            // A value is replaced and never changed in place: a file that ends early is damaged.
            if (bytes === 0) return end(new Error(`ended after ${at} of ${content.length} bytes`));
            return more(at + bytes);
          });
        };
        return more(0);
      });
    });
  });
