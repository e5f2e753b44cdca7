// `linkgate dns --wait`: how far the records have spread. On a terminal a picture, redrawn every second; in a file a line for each
// change, and one an hour.

import { stripVTControlCharacters } from 'node:util';
import { untilSignal } from '../../app/until-signal.ts';
import { systemClock, type Clock } from '../../core/platform/clock.ts';
import {
  watchPropagation,
  type DomainProgress,
  type Sighting,
  type Watched,
  type WatchTools,
} from '../../doctor/propagation.ts';
import type { Colours } from '../terminal/paint.ts';
import { formatTable } from '../terminal/table.ts';

/** `45 s`, `3 min 20 s`, `5 h 12 min` */
export const formatElapsed = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const serverText = ({ address, zone }: Sighting['server']): string => {
  const host = address.replace(/:53$/, '');
  return zone === undefined ? `${host} (resolver)` : `${host} (authoritative for ${zone})`;
};

const hasText = ({ state, has }: Sighting): string => {
  if (state === 'ok') return '';
  return `${state === 'failed' ? 'no answer: ' : 'has '}${has.join('; ')}`;
};

/** No wider than `width`; a line that has to be cut loses its colours. */
const cut = (line: string, width: number): string => {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : `${plain.slice(0, width - 1)}…`;
};

const MOST_SHOWN = 5;

const countDone = (progress: readonly DomainProgress[]): string =>
  `${progress.filter(({ isDone }) => isDone).length} of ${progress.length} ${progress.length === 1 ? 'domain' : 'domains'}`;

export interface Picture {
  readonly progress: readonly DomainProgress[];
  readonly elapsedMs: number;
  readonly limitMs: number;
  readonly colours: Colours;
}

/** For a terminal: the domains whose records are not everywhere yet, each with its servers and what they still answer. */
export const formatProgress = ({ progress, elapsedMs, limitMs, colours }: Picture): string => {
  const { green, red, amber, bold } = colours;
  const paints = { ok: green, old: red, failed: amber } as const;
  const words = { ok: 'ok', old: 'old', failed: 'none' } as const;
  const open = progress.filter(({ isDone }) => !isDone);
  const head = `${countDone(progress)} everywhere, after ${formatElapsed(elapsedMs)} of at most ${formatElapsed(limitMs)}; Ctrl-C stops waiting`;
  const groups = open.slice(0, MOST_SHOWN).map(({ domain, sightings, problem }) => {
    const rows = sightings.map((one) => [
      `  ${paints[one.state](words[one.state])}`,
      serverText(one.server),
      hasText(one),
    ]);
    const lines = [bold(domain)];
    if (problem !== undefined) lines.push(`  ${amber(problem)}`);
    if (rows.length > 0) lines.push(formatTable(rows));
    else if (problem === undefined) lines.push('  asking its name servers');
    return lines.join('\n');
  });
  const more = open.length > MOST_SHOWN ? [`and ${open.length - MOST_SHOWN} more`] : [];
  return [head, ...groups, ...more].join('\n');
};

/** One line for each server whose answer has changed. */
const changes = (
  before: ReadonlyMap<string, string>,
  progress: readonly DomainProgress[],
): { readonly lines: readonly string[]; readonly now: ReadonlyMap<string, string> } => {
  const now = new Map(
    progress.flatMap(({ domain, sightings, problem }) => [
      ...(problem === undefined ? [] : [[domain, problem] as const]),
      ...sightings.map((one) => {
        const what = one.state === 'ok' ? 'has what is wanted' : hasText(one);
        return [`${domain} at ${serverText(one.server)}`, what] as const;
      }),
    ]),
  );
  return {
    now,
    lines: [...now].flatMap(([key, what]) => (before.get(key) === what ? [] : [`${key}: ${what}`])),
  };
};

const SIGN_OF_LIFE_MS = 3_600_000;
const DRAW_EVERY_MS = 1_000;

export interface WaitOptions {
  readonly watched: readonly Watched[];
  readonly findServers: WatchTools['findServers'];
  readonly resolvers: readonly string[];
  readonly limitMs: number;
  readonly colours: Colours;
  readonly stdout: Pick<NodeJS.WriteStream, 'write'> & {
    readonly isTTY?: boolean;
    readonly rows?: number;
    readonly columns?: number;
  };
  readonly clock?: Clock;
  /** aborts in place of Ctrl-C */
  readonly signal?: AbortSignal;
}

const untilInterrupted = (): AbortSignal => {
  const stop = new AbortController();
  void untilSignal().asked.then(() => stop.abort());
  return stop.signal;
};

/** @returns 0 when everything is everywhere, 1 when the time was over or Ctrl-C came first */
export const waitForDns = async (options: WaitOptions): Promise<number> => {
  const { watched, findServers, resolvers, limitMs, colours, stdout, clock = systemClock } = options;
  const interrupted = options.signal ?? untilInterrupted();
  const over = new AbortController();
  const startMs = clock.now();
  let progress: readonly DomainProgress[] = watched.map(({ domain }) => ({
    domain,
    sightings: [],
    isDone: false,
  }));
  const isTerminal = stdout.isTTY === true;
  let drawn = 0;
  const draw = (): void => {
    const picture = formatProgress({ progress, elapsedMs: clock.now() - startMs, limitMs, colours });
    // a line that the terminal wraps would count as two
    const lines = picture
      .split('\n')
      .slice(0, Math.max(1, (stdout.rows ?? 25) - 1))
      .map((line) => cut(line, stdout.columns ?? 80));
    // the cursor goes up to the first line of the last picture, and everything below is drawn again
    stdout.write(`${drawn === 0 ? '' : `\u001B[${drawn}A`}\u001B[J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const drawing = async (): Promise<void> => {
    const either = AbortSignal.any([interrupted, over.signal]);
    while (!either.aborted) {
      draw();
      await clock.sleep(DRAW_EVERY_MS, either);
    }
  };
  let printed: ReadonlyMap<string, string> = new Map();
  let lastMs = startMs;
  const tell = (): void => {
    const { lines, now } = changes(printed, progress);
    printed = now;
    const at = new Date(clock.now()).toISOString().slice(0, 19);
    const isQuiet = lines.length === 0 && clock.now() - lastMs >= SIGN_OF_LIFE_MS;
    const all = isQuiet ? [`still waiting: ${countDone(progress)} everywhere`] : lines;
    if (all.length === 0) return;
    lastMs = clock.now();
    stdout.write(all.map((line) => `${at}Z ${line}\n`).join(''));
  };
  const pictures = isTerminal ? drawing() : undefined;
  progress = await watchPropagation(watched, {
    findServers,
    resolvers,
    clock,
    signal: interrupted,
    limitMs,
    onRound: (round) => {
      progress = round;
      if (!isTerminal) tell();
    },
  });
  over.abort();
  await pictures;
  if (isTerminal) draw();
  const elapsed = formatElapsed(clock.now() - startMs);
  if (progress.every(({ isDone }) => isDone)) {
    stdout.write(`everywhere after ${elapsed}; next: linkgate doctor\n`);
    return 0;
  }
  const why = interrupted.aborted ? 'stopped' : 'not everywhere';
  stdout.write(`${why} after ${elapsed}: ${countDone(progress)} everywhere\n`);
  return 1;
};
