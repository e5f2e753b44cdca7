// `linkgate check`: reads the configuration as `run` would and prints the effective settings.

import { loadSettings } from '../../config/load.ts';
import { effectiveSettings, settingsYaml } from '../../config/redact.ts';
import type { Settings } from '../../core/settings.ts';
import { LinkgateError } from '../../core/errors.ts';
import { configPath } from '../arguments/config-path.ts';

/** What is allowed and still likely to hurt. */
const warningsOf = ({ domains }: Settings): string[] =>
  domains
    .filter(({ hstsMaxAgeSeconds }) => hstsMaxAgeSeconds !== undefined)
    .map(({ name }) => `${name} sends HSTS: Customer.io's check turns red on it, and browsers keep it`);

export interface CheckOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/**
 * @returns 0, settings printed; with `json` also 78, `{"problems": […]}` printed
 * @throws LinkgateError `ERR_CONFIG_INVALID` naming every problem, `ERR_CONFIG_UNREADABLE`
 */
export const checkCommand = async ({ config, json = false }: CheckOptions): Promise<number> => {
  try {
    const settings = await loadSettings(configPath({ config }));
    for (const warning of warningsOf(settings)) process.stderr.write(`linkgate: ${warning}\n`);
    process.stdout.write(
      json ? `${JSON.stringify(effectiveSettings(settings), undefined, 2)}\n` : settingsYaml(settings),
    );
    return 0;
  } catch (error) {
    if (!json || !(error instanceof LinkgateError) || error.code !== 'ERR_CONFIG_INVALID') throw error;
    process.stdout.write(`${JSON.stringify({ problems: error.details.problems }, undefined, 2)}\n`);
    return error.entry.exit;
  }
};
