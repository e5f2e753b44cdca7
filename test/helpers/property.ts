// One property of fast-check as one assertion of tap: a failure is shrunk and shows its seed and counterexample.

import fc, { type IAsyncProperty, type IProperty } from 'fast-check';
import type { Test } from 'tap';

/**
 * Asserts that `property` holds. Its predicate returns false or throws (`node:assert`) when it does not; an
 * assertion of tap inside it would neither be shrunk nor stop the run.
 * @param numRuns - examples tried; 100 unless told
 */
export const holds = async <Ts>(
  t: Test,
  property: IProperty<Ts> | IAsyncProperty<Ts>,
  numRuns = 100,
): Promise<void> => {
  const result = await fc.check(property, { numRuns });
  if (result.failed) t.fail((await fc.asyncDefaultReportMessage(result)) ?? 'property failed');
  else t.pass(`held for ${result.numRuns} examples`);
};
