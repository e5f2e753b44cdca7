// Every target by name, in the order of the tables.

import { fileURLToPath } from 'node:url';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { createLinkgateTarget } from './linkgate.ts';
import { nginx } from './nginx.ts';
import { createNodeServerTarget } from './node-server.ts';
import type { Target } from './target.ts';

/** the newest LTS, of bench/package.json */
export const LTS = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
/** the system's, with `LINKGATE_BENCH_NODE` to choose another */
export const SYSTEM = process.env['LINKGATE_BENCH_NODE'] ?? 'node';

export const ALL_TARGETS: readonly Target[] = [
  createLinkgateTarget({ name: 'linkgate', node: SYSTEM }),
  createLinkgateTarget({ name: 'linkgate-lts', node: LTS }),
  nginx,
  haproxy,
  caddy,
  createNodeServerTarget({ name: 'http-proxy', file: 'http-proxy.ts', node: SYSTEM, speaksHttp2: false }),
  createNodeServerTarget({ name: 'prototype', file: 'prototype.ts', node: SYSTEM, speaksHttp2: true }),
];
