// The man page, linkgate(1), written from the table of commands. docs/man/linkgate.1 is this text, and a test compares them.

import type { Command } from 'commander';
import { ERRORS } from '../../core/errors.ts';
import { EXAMPLES } from './examples.ts';

/** Escapes text for roff, where a backslash, a hyphen and a leading dot or quote have a meaning. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replaceAll(/^([.'])/gm, '\\&$1');

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

const usageOf = (command: Command): string => {
  const words = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? '...' : '');
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [pathOf(command), ...(command.options.length > 0 ? ['[options]'] : []), ...words].join(' ');
};

const optionsOf = (command: Command): readonly string[] =>
  command.options.flatMap(({ flags, description, defaultValue }) => {
    const isTold = typeof defaultValue === 'string';
    const text = isTold ? `${description} (default: ${defaultValue})` : description;
    return ['.TP', `.B ${roff(flags)}`, roff(text)];
  });

const examplesOf = (path: string): readonly string[] =>
  (EXAMPLES[path] ?? []).flatMap(({ words, does }) => ['.TP', `.B ${roff(words)}`, roff(does)]);

const commandsOf = (command: Command): readonly string[] =>
  command.commands.flatMap((one) => {
    const isGroup = one.commands.length > 0;
    const path = pathOf(one).replace(/^\S+ /, '');
    if (isGroup) return commandsOf(one);
    const examples = ['.PP', 'Examples:', '.RS', ...examplesOf(path), '.RE'];
    return ['.SS', roff(usageOf(one)), `${roff(one.description())}.`, ...optionsOf(one), ...examples];
  });

const EXITS: readonly (readonly [number, string])[] = [
  [0, 'good'],
  [1, 'a finding, or not there yet'],
  [64, 'usage'],
  [69, 'something is unavailable'],
  [70, 'a bug'],
  [78, 'configuration'],
];

/** @returns the page, with an end of line at its end */
export const manPage = (program: Command, version: string): string => {
  const known = new Set<number>([0, 64, ...Object.values(ERRORS).map(({ exit }) => exit)]);
  const lines = [
    `.TH LINKGATE 1 "" "linkgate ${version}" "linkgate"`,
    '.SH NAME',
    `linkgate \\- ${roff(program.description())}`,
    '.SH SYNOPSIS',
    '.B linkgate',
    '.I command',
    '[options]',
    '.SH DESCRIPTION',
    'linkgate answers https for the tracked links of Customer.io on a domain of your own: it obtains and renews the certificate,',
    'and passes every click, open and unsubscribe on to the tracker of your region.',
    ...examplesOf(''),
    '.SH OPTIONS',
    ...optionsOf(program),
    '.TP',
    '.B \\-h, \\-\\-help',
    'show the help of linkgate, or of a command',
    '.SH COMMANDS',
    ...commandsOf(program),
    '.SH EXIT STATUS',
    ...EXITS.filter(([code]) => known.has(code)).flatMap(([code, what]) => ['.TP', `.B ${code}`, what]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B LINKGATE_CONFIG',
    'the configuration file, when \\-\\-config is not given',
    '.TP',
    '.B LINKGATE_LOG_LEVEL',
    'used in place of log.level of the configuration; debug shows where an error came from',
    '.TP',
    '.B NO_COLOR',
    'no colours, whatever its value is; outside a terminal there are no colours anyway',
    '.SH FILES',
    '.TP',
    '.I config/linkgate.yaml, /etc/linkgate/linkgate.yaml',
    'the configuration: the first of these files that exists',
    '.TP',
    '.I /var/lib/linkgate/certs',
    'certificates, keys and the ACME account; certificates.storage.path names another folder',
    '.TP',
    '.I docs/',
    'the documents that messages and files name; the last line of linkgate \\-\\-help says where docs/ is',
  ];
  return `${lines.join('\n')}\n`;
};
