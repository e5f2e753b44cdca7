// How a name stands in storage keys. A name may have 253 octets and so may a segment, so the longest names leave no room
// for an ending; they stand under a digest. Between the names of the settings and the keys of the storage.

import { createHash } from 'node:crypto';

const LONGEST_SEGMENT = 253;
/** begins no configured name, so a digest is never taken for one */
const MARK = '_';

/** One key segment for `name`, with `ending` behind it: the name itself wherever it fits. */
export const nameKey = (name: string, ending: string): string =>
  name.length + ending.length <= LONGEST_SEGMENT
    ? `${name}${ending}`
    : `${MARK}${createHash('sha256').update(name).digest('hex')}${ending}`;

/** The name of a segment made by {@link nameKey}; undefined when only its value can tell. */
export const nameOfKey = (segment: string, ending: string): string | undefined =>
  segment.endsWith(ending) && !segment.startsWith(MARK) ? segment.slice(0, -ending.length) : undefined;
