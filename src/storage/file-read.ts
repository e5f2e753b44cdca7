// How a whole file is read: by fs's callbacks, which cost a third of what file handles do (35 µs against 90), for a start with a
// hundred thousand names. Between the folder of a storage and its values.

import { close, constants, fstat, open, read, type Stats } from 'node:fs';

/** Far above any value: the list of a hundred thousand names has 8 MB. What is larger is none of ours. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** A named pipe would keep one of the few threads for file calls for ever: it is opened without waiting, and refused. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code });

/** What speaks against reading it. */
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
            // Values are replaced, never written into: one that ends early is not whole.
            if (bytes === 0) return end(new Error(`ended after ${at} of ${content.length} bytes`));
            return more(at + bytes);
          });
        };
        return more(0);
      });
    });
  });
