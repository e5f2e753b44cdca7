#!/usr/bin/env node
// Words in, exit code out: picks the command and loads only that command's code. The one place that catches for all.

import { CommanderError } from 'commander';
import { ERRORS, toLinkgateError } from '../core/errors.ts';
import { createProgram } from './program/program.ts';

/** Runs the command named by `argv` (without node and script) and returns the exit code. */
const main = async (argv: readonly string[]): Promise<number> => {
  let code = 0;
  const program = createProgram((exit) => {
    code = exit;
  });
  await program.parseAsync(argv, { from: 'user' });
  return code;
};

/** Says what went wrong on stderr and returns the exit code. */
const report = (error: unknown): number => {
  // commander has printed its own line; help and version that were asked for are no mistake
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERRORS.ERR_USAGE.exit;
  const { code, message, entry, details } = toLinkgateError(error);
  process.stderr.write(
    code === 'ERR_INTERNAL'
      ? `linkgate: ${entry.help}: ${message.replaceAll('\n', ' ')}\n`
      : `linkgate: ${message}\n${code}: ${details.remedy ?? entry.help}\n`,
  );
  if (debugging()) process.stderr.write(`${stackOf(error)}\n`);
  return entry.exit;
};

const debugging = (): boolean => ['debug', 'trace'].includes(process.env['LINKGATE_LOG_LEVEL'] ?? '');

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

// a reader that has seen enough (`linkgate check | head`) is no error
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
process.on('uncaughtException', (error) => process.exit(report(error)));

/** A handle that a command forgot must not keep the process up. */
const LAST_EXIT_MS = 2000;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = report(error);
}
setTimeout(() => process.exit(), LAST_EXIT_MS).unref();
