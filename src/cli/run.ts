// `linkgate run`: placeholder.

import { GateError } from '../core/errors.ts';

/** Runs the proxy in the foreground. */
export const runCommand = async (_options: { config?: string }): Promise<number> => {
  throw new GateError('ERR_INTERNAL', 'the command run is not built yet');
};
