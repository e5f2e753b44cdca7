// Which lines are written: LINKGATE_LOG_LEVEL goes before `log.level`, so that one start can be watched closely without
// touching the configuration.

import type { Settings } from '../core/settings.ts';

/** @param fromEnvironment - as it was found there; empty counts as absent */
export const logLevelOf = ({ log }: Pick<Settings, 'log'>, fromEnvironment: string | undefined): string =>
  fromEnvironment === undefined || fromEnvironment === '' ? (log.level ?? 'info') : fromEnvironment;
