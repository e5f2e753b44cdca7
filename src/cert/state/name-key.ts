// How a name stands in storage keys. A name may have 253 octets, and a segment of a key too, so the longest names leave no room for an
// ending: their segment is a digest. Pure.

import { createHash } from 'node:crypto';

const LONGEST_SEGMENT = 253;
/** no domain name begins with it, so a digest is never taken for a name */
const MARK = '_';

/** One key segment for `name`, followed by `ending`: the name itself wherever it fits. */
export const nameKey = (name: string, ending: string): string =>
  name.length + ending.length <= LONGEST_SEGMENT
    ? `${name}${ending}`
    : `${MARK}${createHash('sha256').update(name).digest('hex')}${ending}`;

/** The name of a segment made by {@link nameKey}; undefined when only the stored value can tell the name. */
export const nameOfKey = (segment: string, ending: string): string | undefined =>
  segment.endsWith(ending) && !segment.startsWith(MARK) ? segment.slice(0, -ending.length) : undefined;
