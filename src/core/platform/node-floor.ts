// The versions of Node that are safe to run on. The finding of the doctor and the metric behind an alert use the same list.

/** The release lines of Node, and the first version of each without known security holes, as of November 2026. */
const NODE_FLOORS: ReadonlyMap<number, readonly [number, number]> = new Map([
  [24, [22, 3]],
  [26, [13, 1]],
]);

/** Whether a version (`v24.22.3`) is at or above the floor of its line. A line newer than all known ones is supported. */
export const isNodeSupported = (version: string): boolean => {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  const floor = NODE_FLOORS.get(major);
  const isAbove = floor !== undefined && (minor > floor[0] || (minor === floor[0] && patch >= floor[1]));
  return isAbove || major > Math.max(...NODE_FLOORS.keys());
};

/** The floor of each line, as people write versions. */
export const supportedNodes = (): readonly string[] =>
  [...NODE_FLOORS].map(([line, rest]) => `${line}.${rest.join('.')}`);
