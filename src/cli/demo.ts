// `linkgate demo`: placeholder.

import { GateError } from '../core/errors.ts';

/** Runs the whole product with nothing else installed. */
export const demoCommand = async (_options: {
  https?: string;
  http?: string;
  admin?: string;
}): Promise<number> => {
  throw new GateError('ERR_INTERNAL', 'the command demo is not built yet');
};
