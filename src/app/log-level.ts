// Which log lines are written: LINKGATE_LOG_LEVEL wins over `log.level`, so that a person can watch one start closely without a change
// of the configuration.

import type { Settings } from '../core/settings.ts';

/** @param fromEnvironment - the value of the variable; empty counts as absent */
export const logLevelOf = ({ log }: Pick<Settings, 'log'>, fromEnvironment: string | undefined): string =>
  fromEnvironment === undefined || fromEnvironment === '' ? (log.level ?? 'info') : fromEnvironment;
