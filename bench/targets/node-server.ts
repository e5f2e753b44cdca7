// A target that is one TypeScript file of this folder, run by a Node of any version: its types are erased first.

import { readFileSync, writeFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UPSTREAM_NAME } from '../certificates.ts';
import { freePort, startProgram, versionOf } from '../program.ts';
import type { Target } from './target.ts';

/** Node 22.13 and later, which the bench itself runs on; left out of the types of Node 20. */
const { stripTypeScriptTypes } = nodeModule as unknown as { stripTypeScriptTypes(text: string): string };

export interface NodeServerOptions {
  readonly name: string;
  /** in this folder */
  readonly file: string;
  readonly node: string;
  readonly speaksHttp2: boolean;
}

/** The one worker reads its own port, the upstream's, certificate and root from its arguments. */
export const createNodeServerTarget = ({ name, file, node, speaksHttp2 }: NodeServerOptions): Target => ({
  name,
  isJit: true,
  speaksHttp2,
  mostDomains: 1,
  version: () => versionOf(node, ['--version']),
  start: async ({ domains, upstreamPort, rootFile, cores }) => {
    const port = await freePort();
    const source = fileURLToPath(new URL(file, import.meta.url));
    const script = join(fileURLToPath(new URL('../.cache', import.meta.url)), file.replace(/\.ts$/, '.mjs'));
    writeFileSync(script, stripTypeScriptTypes(readFileSync(source, 'utf8')));
    const certificate = join(domains.folder, `${domains.names[0] ?? ''}.pem`);
    const args = [script, String(port), String(upstreamPort), certificate, rootFile, UPSTREAM_NAME];
    return { ...startProgram({ command: node, args, cores }), port };
  },
});
