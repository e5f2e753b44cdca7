// The files that verify app links, fetched as Apple and Google fetch them: https, 200, application/json, no redirect. Only for domains
// that have such a file.

import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';

const PATHS = {
  apple: ['/.well-known/apple-app-site-association', '/apple-app-site-association'],
  android: ['/.well-known/assetlinks.json'],
} as const;

export const checkAppLinks: Check = async ({ domain, tools, names, probe }) => {
  const { universalLinks } = domain;
  if (universalLinks === undefined) return [];
  const { v4, v6 } = await names();
  const [address] = [...v4, ...v6];
  if (address === undefined) return [];
  const fetchOne = async (path: string, text: string): Promise<Finding | undefined> => {
    const { response, failure } = await probe({ address, port: tools.ports.https, tls: true, path });
    const failed = (what: string): Finding =>
      finding('app-links', 'app-links-failed', { what: `${path} ${what}`, evidence: [address] });
    if (response === undefined) return failed(`is not answered: ${failure ?? ''}`);
    const { status, headers, body } = response;
    if (status >= 300 && status < 400) {
      const evidence = [`${status} Location: ${headers.location ?? ''}`];
      return finding('app-links', 'app-links-redirected', { what: `${path} is redirected`, evidence });
    }
    if (status !== 200) return failed(`is answered with ${status}`);
    const type = headers['content-type'] ?? 'no type';
    if (!/^application\/json\b/i.test(type)) return failed(`is served as ${type}, not application/json`);
    if (body === text) return undefined;
    try {
      JSON.parse(body);
    } catch {
      return failed('is no JSON');
    }
    return finding('app-links', 'app-links-differ', {
      what: `${path} is not the configured file`,
      evidence: [address],
    });
  };
  const asked = (['apple', 'android'] as const).flatMap((kind) => {
    const file = universalLinks[kind];
    return file === undefined ? [] : PATHS[kind].map((path) => fetchOne(path, file.text));
  });
  const found = (await Promise.all(asked)).filter((one) => one !== undefined);
  return found.length > 0 ? found : [good('app-links', `${asked.length} paths serve the configured files`)];
};
