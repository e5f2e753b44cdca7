// Checks the two files that verify app links when the settings are loaded. A misspelt key in them shows weeks later, on other
// people's phones: links open the browser instead of the app.

import { z } from 'zod';
import { expected, pattern } from '../values/kinds.ts';
import { formatPath, quote } from '../text/problems.ts';
import { readTextFile } from '../text/text-file.ts';

/** Apple's own ceiling for the file; Android's is the same. */
const LARGEST_BYTES = 128 * 1024;

const object = <T extends z.ZodRawShape>(shape: T) => z.looseObject(shape, { error: expected('an object') });
const array = <T extends z.ZodType>(item: T) =>
  z.array(item, { error: expected('a list') }).min(1, { error: 'is an empty list' });
const string = () => z.string({ error: expected('text') });

const appId = () =>
  pattern('TEAMID.bundle such as ABCDE12345.com.acme.app', (value) =>
    /^[A-Z0-9]{10}\.[A-Za-z0-9.-]+$/.test(value),
  );

const appleDetail = object({
  appIDs: array(appId()).optional(),
  appID: appId().optional(),
  components: z.array(object({}), { error: expected('a list of objects') }).optional(),
  paths: z.array(string(), { error: expected('a list of paths') }).optional(),
}).superRefine((detail, context) => {
  if (detail.appIDs === undefined && detail.appID === undefined) {
    context.addIssue({ code: 'custom', message: 'has no appIDs', input: detail });
  }
  if (detail.components === undefined && detail.paths === undefined) {
    context.addIssue({ code: 'custom', message: 'has neither components nor paths', input: detail });
  }
});

const fingerprint = () =>
  pattern('a SHA-256 fingerprint of 32 hex pairs joined by colons', (value) =>
    /^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$/.test(value),
  );

const androidTarget = z.discriminatedUnion(
  'namespace',
  [
    object({
      namespace: z.literal('android_app'),
      package_name: string(),
      sha256_cert_fingerprints: array(fingerprint()),
    }),
    object({ namespace: z.literal('web'), site: string() }),
  ],
  { error: 'must have the namespace android_app or web' },
);

const SHAPES = {
  apple: object({ applinks: object({ details: array(appleDetail) }) }),
  android: array(object({ relation: array(string()), target: androidTarget })),
} as const;

export type UniversalLinkKind = keyof typeof SHAPES;

/**
 * Reads one file and checks its shape; the text goes to clients as it is.
 * @param path - absolute
 * @returns the text, or what is wrong with it, naming the key
 */
export const readUniversalLink = async (
  kind: UniversalLinkKind,
  path: string,
): Promise<{ readonly text: string } | { readonly problem: string }> => {
  const file = await readTextFile(path, LARGEST_BYTES);
  if ('problem' in file) return { problem: file.problem };
  let value: unknown;
  try {
    value = JSON.parse(file.text);
  } catch (error) {
    return { problem: `${quote(path)} is not JSON: ${(error as Error).message}` };
  }
  const [issue] = SHAPES[kind].safeParse(value).error?.issues ?? [];
  if (issue === undefined) return { text: file.text };
  const where = formatPath(issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)));
  return { problem: `${quote(path)}: ${where === '' ? 'the whole' : where} ${issue.message}` };
};
