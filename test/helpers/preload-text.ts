// What config/hsts-preload.br holds, from the list as Chromium keeps it.

interface Entry {
  readonly name: string;
  readonly mode?: string;
  readonly include_subdomains?: boolean;
}

/** Next to each other what ends alike: a third of the size. */
const byLabels = (a: string, b: string): number => {
  const [x, y] = [a, b].map((name) => name.split('.').toReversed().join('.')) as [string, string];
  return x < y ? -1 : 1;
};

/**
 * @param json - with lines that are comments
 * @throws Error when it is not the list
 */
export const preloadText = (json: string, date: string): string => {
  const { entries } = JSON.parse(json.replaceAll(/^\s*\/\/.*$/gm, '')) as {
    readonly entries?: readonly Entry[];
  };
  if (!Array.isArray(entries)) throw new Error('no "entries": not the list of Chromium');
  const names = (entries as readonly Entry[])
    .filter(({ mode, include_subdomains: all }) => mode === 'force-https' && all === true)
    .map(({ name }) => name);
  for (const name of names)
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(name)) throw new Error(`"${name}" is no name`);
  return [date, ...[...new Set(names)].toSorted(byLabels)].join('\n');
};
