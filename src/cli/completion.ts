// `linkgate completion SHELL`: what a shell needs to complete the commands and options, written from the commands themselves.

import type { Command } from 'commander';
import { GateError } from '../core/errors.ts';

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
  /** its value is a file or a folder */
  readonly takesPath?: boolean;
}

const nodesOf = (command: Command, path: string): readonly Node[] => {
  const below = command.commands.map((one) => ({ word: one.name(), description: one.description() }));
  const options = command.options.flatMap(({ long, description, flags }): Word[] =>
    typeof long === 'string'
      ? [{ word: long, description, takesPath: /<(file|folder|dir|path)>/.test(flags) }]
      : [],
  );
  const words = [...below, ...options, { word: '--help', description: 'display help for command' }];
  return [
    { path, description: command.description(), words },
    ...command.commands.flatMap((one) => nodesOf(one, `${path} ${one.name()}`.trim())),
  ];
};

/** by the two words behind `linkgate`, then by the first; file names for the value of an option */
const bash = (nodes: readonly Node[]): string => {
  const paths = new Set(
    nodes.flatMap(({ words }) => words.flatMap(({ word, takesPath }) => (takesPath === true ? word : []))),
  );
  return [
    '_linkgate() {',
    '  local cur=${COMP_WORDS[COMP_CWORD]} words',
    '  COMPREPLY=()',
    '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
    `    ${[...paths].join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
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

const fish = (nodes: readonly Node[]): string =>
  nodes
    .flatMap(({ path, words }) => {
      const [first, second] = path.split(' ');
      const seen = [first, second].flatMap((word) =>
        word === undefined || word === '' ? [] : `__fish_seen_subcommand_from ${word}`,
      );
      const condition = seen.length === 0 ? '__fish_use_subcommand' : seen.join('; and ');
      return words.map(({ word, description }) =>
        word.startsWith('--')
          ? `complete -c linkgate -n '${condition}' -l ${word.slice(2)} -d ${quoted(description)}`
          : `complete -c linkgate -f -n '${condition}' -a ${word} -d ${quoted(description)}`,
      );
    })
    .join('\n');

/** zsh reads bash's completion functions. */
const zsh = (nodes: readonly Node[]): string =>
  ['#compdef linkgate', 'autoload -U +X bashcompinit && bashcompinit', bash(nodes)].join('\n');

const SHELLS: Readonly<Record<string, (nodes: readonly Node[]) => string>> = { bash, zsh, fish };

/** @throws GateError `ERR_USAGE` for a shell that is not known */
export const completionScript = (program: Command, shell: string): string => {
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (write === undefined) throw new GateError('ERR_USAGE', `shell "${shell}" is not one of bash, zsh, fish`);
  return write(nodesOf(program, ''));
};
