// `linkgate completion SHELL`: what a shell needs to complete the commands and options, written from the commands themselves.

import type { Command } from 'commander';
import { LinkgateError } from '../../core/errors.ts';

interface Node {
  /** `certs list`; empty for linkgate itself */
  readonly path: string;
  readonly description: string;
  /** commands below it, then its options */
  readonly words: readonly Word[];
}

interface Word {
  readonly word: string;
  readonly description: string;
  readonly takesValue?: boolean;
  /** its value is a file or a folder */
  readonly takesPath?: boolean;
}

const nodesOf = (command: Command, path: string): readonly Node[] => {
  const below = command.commands.map((one) => ({ word: one.name(), description: one.description() }));
  const options = command.options.flatMap(({ long, description, flags }): Word[] =>
    typeof long === 'string'
      ? [
          {
            word: long,
            description,
            takesValue: /[<[]/.test(flags),
            takesPath: /<(file|folder|dir|path)>/.test(flags),
          },
        ]
      : [],
  );
  const words = [...below, ...options, { word: '--help', description: 'display help for command' }];
  return [
    { path, description: command.description(), words },
    ...command.commands.flatMap((one) => nodesOf(one, `${path} ${one.name()}`.trim())),
  ];
};

/** the options whose value is a file or a folder */
const pathOptions = (nodes: readonly Node[]): readonly string[] => [
  ...new Set(
    nodes.flatMap(({ words }) => words.flatMap(({ word, takesPath }) => (takesPath === true ? word : []))),
  ),
];

const isOption = ({ word }: Word): boolean => word.startsWith('--');

/** by the two words behind `linkgate`, then by the first; file names for the value of an option */
const bash = (nodes: readonly Node[]): string => {
  return [
    '_linkgate() {',
    '  local cur=${COMP_WORDS[COMP_CWORD]} words',
    '  COMPREPLY=()',
    '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
    `    ${pathOptions(nodes).join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    '  esac',
    '  local path="" i',
    '  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do',
    '    [[ ${COMP_WORDS[i]} == -* ]] && break',
    '    path="${path:+$path }${COMP_WORDS[i]}"',
    '  done',
    '  while :; do',
    '    case "$path" in',
    ...nodes.map(
      ({ path, words }) => `      '${path}') words='${words.map(({ word }) => word).join(' ')}'; break ;;`,
    ),
    '      *\\ *) path=${path% *} ;;',
    "      *) words=''; break ;;",
    '    esac',
    '  done',
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '}',
    'complete -F _linkgate linkgate',
  ].join('\n');
};

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const fishLine = (condition: string, one: Word): string => {
  const { word, description, takesValue = false, takesPath = false } = one;
  const value = takesPath ? ' -r -F' : takesValue ? ' -x' : '';
  const what = isOption(one) ? `-l ${word.slice(2)}${value}` : `-a ${word}`;
  return `complete -c linkgate -n '${condition}' ${what} -d ${quoted(description)}`;
};

/** No file names but for the options that take one. */
const fish = (nodes: readonly Node[]): string =>
  [
    'complete -c linkgate -f',
    ...nodes.flatMap(({ path, words }) => {
      const seen = path
        .split(' ')
        .flatMap((word) => (word === '' ? [] : `__fish_seen_subcommand_from ${word}`));
      const here = seen.length === 0 ? '__fish_use_subcommand' : seen.join('; and ');
      const below = words.filter((word) => !isOption(word)).map(({ word }) => word);
      // what is one of several ends the choice among them
      const open =
        seen.length === 0 || below.length === 0
          ? here
          : `${here}; and not __fish_seen_subcommand_from ${below.join(' ')}`;
      return words.map((word) => fishLine(open, word));
    }),
  ].join('\n');

/** In single quotes of zsh, and without the colon that ends a word of `_describe`. */
const zshPair = ({ word, description }: Word): string =>
  `'${word}:${description.replaceAll("'", `'\\''`).replaceAll('\\:', ':').replaceAll(':', '\\:')}'`;

/** Sourced, or as a file `_linkgate` in a folder of $fpath. */
const zsh = (nodes: readonly Node[]): string =>
  [
    '#compdef linkgate',
    '_linkgate() {',
    "  local where='' i",
    '  local -a below options',
    '  case "${words[CURRENT-1]}" in',
    `    (${pathOptions(nodes).join('|')}) _files; return ;;`,
    '  esac',
    '  for ((i = 2; i < CURRENT && i < 4; i++)); do',
    '    [[ ${words[i]} == -* ]] && break',
    '    where="${where:+$where }${words[i]}"',
    '  done',
    '  while :; do',
    '    case "$where" in',
    ...nodes.flatMap(({ path, words }) => [
      `      ('${path}')`,
      `        below=(${words
        .filter((word) => !isOption(word))
        .map(zshPair)
        .join(' ')})`,
      `        options=(${words.filter(isOption).map(zshPair).join(' ')})`,
      '        break ;;',
    ]),
    '      (*\\ *) where=${where% *} ;;',
    '      (*) return 1 ;;',
    '    esac',
    '  done',
    "  ((${#below})) && _describe 'command' below",
    "  _describe -o 'option' options",
    '}',
    'if [[ ${funcstack[1]} == _linkgate ]]; then _linkgate "$@"; else compdef _linkgate linkgate; fi',
  ].join('\n');

const SHELLS: Readonly<Record<string, (nodes: readonly Node[]) => string>> = { bash, zsh, fish };

/** @throws LinkgateError `ERR_USAGE` for a shell that is not known */
export const completionScript = (program: Command, shell: string): string => {
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined)
    throw new LinkgateError('ERR_USAGE', `shell "${shell}" is not one of bash, zsh, fish`);
  return write(nodesOf(program, ''));
};
