// Which configuration file a command uses.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LinkgateError } from '../../core/errors.ts';

/** Tried in this order when no configuration is named; the first is relative to the working folder. */
const PLACES = ['config/linkgate.yaml', '/etc/linkgate/linkgate.yaml'] as const;

export interface ConfigPathOptions {
  /** `--config` */
  readonly config?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly exists?: (path: string) => boolean;
}

/**
 * 1. `--config`
 * 2. `$LINKGATE_CONFIG`
 * 3. `config/linkgate.yaml`, where there is one
 * 4. `/etc/linkgate/linkgate.yaml`
 * @returns the path as the user named it
 * @throws LinkgateError `ERR_CONFIG_UNREADABLE` when none is named and none is found
 */
export const configPath = (options: ConfigPathOptions = {}): string => {
  const { config, env = process.env, cwd = process.cwd(), exists = existsSync } = options;
  const named = config ?? env['LINKGATE_CONFIG'];
  if (named !== undefined && named !== '') return named;
  const found = PLACES.find((place) => exists(resolve(cwd, place)));
  if (found !== undefined) return found;
  throw new LinkgateError(
    'ERR_CONFIG_UNREADABLE',
    `no configuration is named with --config, and none is found at ${PLACES.map((place) => `"${place}"`).join(' or ')}`,
  );
};
