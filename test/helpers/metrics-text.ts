// Reads Prometheus text as a scraper would: sample with its labels → value.

export const samples = (text: string): Map<string, number> => {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (match?.[1] === undefined) throw new Error(`not a sample: ${line}`);
    if (found.has(match[1])) throw new Error(`twice: ${line}`);
    found.set(match[1], Number(match[2]));
  }
  return found;
};
