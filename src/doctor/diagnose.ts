// Runs the checks of every domain, eight domains at once. Each check has a deadline, and none can break another.

import type { Clock } from '../core/platform/clock.ts';
import { withTimeout } from '../core/platform/deadline.ts';
import { checkAppLinks } from './checks/app-links.ts';
import { checkCaa } from './checks/caa.ts';
import { checkCdn } from './checks/cdn.ts';
import { checkCertificate } from './checks/certificate.ts';
import { checkDns } from './checks/dns.ts';
import { checkHsts } from './checks/hsts.ts';
import { checkHttp } from './checks/http.ts';
import { checkHttps } from './checks/https.ts';
import { checkPorts } from './checks/ports.ts';
import { checkUpstream } from './checks/upstream.ts';
import { createExamination, type Check, type DoctorTools, type Target } from './examination/examination.ts';
import { finding, type CheckName, type Finding } from './examination/findings.ts';

const DOMAIN_CHECKS: readonly (readonly [CheckName, Check])[] = [
  ['dns', checkDns],
  ['cdn', checkCdn],
  ['caa', checkCaa],
  ['ports', checkPorts],
  ['http', checkHttp],
  ['https', checkHttps],
  ['hsts', checkHsts],
  ['certificate', checkCertificate],
  ['upstream', checkUpstream],
  ['app-links', checkAppLinks],
];

/** a name server that does not answer takes up to 10 s a question, a probe 8 s */
const CHECK_LIMIT_MS = 30_000;
const MOST_AT_ONCE = 8;

export interface Diagnosis {
  readonly domain: string;
  readonly findings: readonly Finding[];
}

const withinLimit = async (
  check: CheckName,
  run: () => Promise<readonly Finding[]>,
  limit: { readonly clock: Clock; readonly signal: AbortSignal; readonly limitMs: number },
): Promise<readonly Finding[]> => {
  const failed = (what: string): readonly Finding[] => [
    finding(check, 'check-failed', { what: `check ${check} ${what}` }),
  ];
  try {
    return await withTimeout(run(), { ...limit, late: () => failed('took too long') });
  } catch (error) {
    return failed(`failed: ${error instanceof Error ? error.message : 'unknown'}`);
  }
};

export interface DiagnoseOptions {
  /** called for each domain when it is done */
  readonly onDone?: (diagnosis: Diagnosis) => void;
  readonly limitMs?: number;
}

/** @returns in the order of `targets`. Never rejects. */
export const diagnose = async (
  targets: readonly Target[],
  tools: DoctorTools,
  { onDone, limitMs = CHECK_LIMIT_MS }: DiagnoseOptions = {},
): Promise<readonly Diagnosis[]> => {
  const { clock, signal } = tools;
  const examine = async (target: Target): Promise<Diagnosis> => {
    const examination = createExamination(target, tools);
    const findings = await Promise.all(
      DOMAIN_CHECKS.map(([name, check]) =>
        withinLimit(name, () => check(examination), { clock, signal, limitMs }),
      ),
    );
    return { domain: target.domain.name, findings: findings.flat() };
  };
  const done: Diagnosis[] = [];
  const queue = [...targets.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, target] = next;
      const diagnosis = await examine(target);
      done[index] = diagnosis;
      onDone?.(diagnosis);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, targets.length) }, work));
  return done;
};
