// The rooms of src/: what each folder may import of the others, and what the README in it has to say. layout.ts checks a tree of
// files against these tables.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const MIDDLE = ['config', 'storage', 'cert', 'serve', 'observe', 'admin', 'doctor'] as const;

/** Folder of src/ → the other folders of src/ it may import. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  dns: ['core'],
  ...Object.fromEntries(MIDDLE.map((folder) => [folder, ['core', 'dns']])),
  app: ['core', 'dns', ...MIDDLE],
  cli: ['app', 'config', 'doctor', 'core'],
};

/** Room → the rooms of the same folder it may import. A folder that is not listed here imports all rooms inside it. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  admin: [],
  'admin/page': ['admin', 'admin/page/text'],
  'admin/page/text': [],
  app: [],
  'app/admin': ['app/systemd'],
  'app/commands': ['app', 'app/admin'],
  'app/demo': ['app/supervisor'],
  'app/supervisor': ['app', 'app/admin', 'app/worker'],
  'app/systemd': [],
  'app/worker': ['app'],
  'cert/acme': ['cert/certificate', 'cert/challenges', 'cert/issuers', 'cert/state'],
  'cert/certificate': [],
  'cert/challenges': ['cert/certificate'],
  'cert/import': ['cert/certificate'],
  'cert/issuers': ['cert/certificate', 'cert/state'],
  'cert/local-ca': ['cert/certificate', 'cert/issuers'],
  'cert/manual': ['cert/certificate', 'cert/import', 'cert/issuers', 'cert/renewal', 'cert/state'],
  'cert/removed': ['cert/issuers', 'cert/renewal', 'cert/state'],
  'cert/renewal': ['cert/certificate', 'cert/issuers', 'cert/renewal/queue', 'cert/state'],
  'cert/renewal/queue': ['cert/state'],
  'cert/serving': ['cert/state'],
  'cert/state': ['cert/certificate'],
  'cli/arguments': [],
  'cli/commands': ['cli/arguments', 'cli/terminal'],
  'cli/init': ['cli/arguments', 'cli/commands', 'cli/terminal'],
  'cli/program': ['cli/commands', 'cli/init'],
  'cli/terminal': [],
  'config/checks': ['config/text', 'config/values'],
  'config/schema': ['config/text', 'config/values'],
  'config/text': [],
  'config/values': ['config/text'],
  core: ['core/text'],
  'core/platform': [],
  'core/text': [],
  'doctor/checks': ['doctor/examination'],
  'doctor/examination': [],
  observe: [],
  'observe/logs': ['observe'],
  'observe/metrics': ['observe'],
  'observe/traces': ['observe'],
  'serve/connections': [],
  'serve/http': ['serve/connections'],
  'serve/request': ['serve/connections', 'serve/http', 'serve/upstream'],
  'serve/upstream': ['serve/http', 'serve/upstream/addresses', 'serve/upstream/message'],
  'serve/upstream/addresses': [],
  'serve/upstream/message': ['serve/http'],
};

const MOST_FILES = 12;
const MOST_README_LINES = 12;

const topOf = (room: string): string => room.split('/')[0] ?? '';

const roomsInside = (folder: string): readonly string[] =>
  Object.keys(ROOMS).filter((room) => room.startsWith(`${folder}/`));

/** The rooms of its own top folder that a room may import. */
const insideOf = (room: string): readonly string[] =>
  ROOMS[room] ?? (room === topOf(room) ? roomsInside(room) : []);

/** What is wrong with an import from one file of src/ to another; undefined when it follows the arrows. */
export const checkArrow = (from: string, to: string): string | undefined => {
  const [here, there] = [posix.dirname(from), posix.dirname(to)];
  const allowed = MAY_IMPORT[topOf(here)];
  if (here === there || allowed === undefined) return undefined;
  if (topOf(here) !== topOf(there)) {
    return allowed.includes(topOf(there)) ? undefined : `${topOf(here)}/ must not import ${topOf(there)}/`;
  }
  return insideOf(here).includes(there) ? undefined : `${here}/ must not import ${there}/`;
};

/** The line of a room's README that says what it may import. */
export const importLine = (room: string): string => {
  const all = [...(MAY_IMPORT[topOf(room)] ?? []), ...insideOf(room)];
  return `May import: ${all.length === 0 ? 'nothing of `src/`' : all.map((name) => `\`${name}\``).join(', ')}`;
};

const checkReadme = (src: string, room: string): string[] => {
  const path = join(src, room, 'README.md');
  if (!existsSync(path)) return ['has no README.md'];
  const text = readFileSync(path, 'utf8').trimEnd();
  const lines = text.split('\n');
  // a long list of rooms goes on in the next line
  const paragraphs = text.replaceAll(/,\n/g, ', ').split('\n');
  const first = lines.flatMap((line) => /^Read first: `([^`]+)`/.exec(line)?.[1] ?? [])[0];
  const required = [`# ${room}: `, 'In: ', 'Out: '].filter(
    (start) => !lines.some((line) => line.startsWith(start)),
  );
  return [
    ...(lines.length > MOST_README_LINES
      ? [`README.md has ${lines.length} lines, ${MOST_README_LINES} at most`]
      : []),
    ...required.map((start) => `README.md has no line '${start.trim()}'`),
    ...(first !== undefined && existsSync(join(src, room, first))
      ? []
      : ["README.md must name a file of the folder after 'Read first:'"]),
    ...(paragraphs.includes(importLine(room)) ? [] : [`README.md must say '${importLine(room)}'`]),
  ];
};

/**
 * Looks at every folder of a source tree: how many files, its README, its place in the tables.
 * @param src - the folder `src` of a project
 * @returns complaints as `src/room: what is wrong`
 */
export const checkRooms = (src: string): readonly string[] =>
  readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const room = posix.relative(src, posix.join(entry.parentPath, entry.name));
      const modules = readdirSync(join(src, room)).filter((name) => name.endsWith('.ts'));
      const complaints = [
        ...(room.includes('/') && ROOMS[room] === undefined ? ['has no place among the rooms'] : []),
        ...(modules.length > MOST_FILES ? [`${modules.length} files, ${MOST_FILES} at most`] : []),
        ...checkReadme(src, room),
      ];
      return complaints.map((what) => `src/${room}: ${what}`);
    });
