// As much of npm's version ranges as `engines.node` fields use: `>=18`, `^20.17.0`, `20 || >=22`, `18.x`, `*`.

type Version = readonly [number, number, number];

/** `20.18.1`, `20.18` or `20` as three numbers. */
export const parseVersion = (text: string): Version => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
};

const compare = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

const admits = (comparator: string, version: Version): boolean => {
  const match = /^(>=|>|<=|<|\^|~|=)?v?([\d.x*]*)$/.exec(comparator);
  if (match === null) throw new Error(`range '${comparator}' is not understood`);
  const [, operator, text = ''] = match;
  const bound = parseVersion(text);
  const order = compare(version, bound);
  if (text === '' || text === '*') return true;
  if (operator === '>=') return order >= 0;
  if (operator === '>') return order > 0;
  if (operator === '<=') return order <= 0;
  if (operator === '<') return order < 0;
  if (operator === '~') return order >= 0 && version[0] === bound[0] && version[1] === bound[1];
  return order >= 0 && version[0] === bound[0];
};

/** Whether `version` lies in `range`. @throws Error when the range is not understood */
export const isInRange = (version: string, range: string): boolean =>
  range.split('||').some((alternative) =>
    alternative
      .trim()
      .replaceAll(/([<>=^~])\s+/g, '$1')
      .split(/\s+/)
      .every((comparator) => admits(comparator, parseVersion(version))),
  );
