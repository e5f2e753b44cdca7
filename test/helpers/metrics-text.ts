// Reads Prometheus text as a scraper would: sample with its labels → value. And what feeds metrics in tests.

import { AggregatorRegistry } from 'prom-client';
import { createEventBus, type Emit, type EventBus, type Events } from '../../src/core/events.ts';
import type { Metrics } from '../../src/observe/metrics/metrics.ts';

export const samples = (text: string): Map<string, number> => {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (match?.[1] === undefined) throw new Error(`not a sample: ${line}`);
    if (found.has(match[1])) throw new Error(`twice: ${line}`);
    found.set(match[1], Number(match[2]));
  }
  return found;
};

/** A bus whose listeners must not throw. */
export const strictBus = (): EventBus =>
  createEventBus((name, error) => {
    throw new Error(`a listener of ${name} failed`, { cause: error });
  });

/** What one process has counted, as it reaches a scraper by way of the supervisor. */
export const read = async (metrics: Metrics): Promise<Map<string, number>> =>
  samples(await AggregatorRegistry.aggregate([structuredClone(await metrics.snapshot())]).metrics());

/** Tells of one answered request. */
export const completed = (emit: Emit, part: Partial<Events['request.completed']>): void =>
  emit('request.completed', {
    id: 'i',
    domain: 'links.example.com',
    listener: 'https',
    httpVersion: '1.1',
    method: 'GET',
    target: '/e/c/x/y',
    status: 302,
    bytes: 0,
    durationMs: 7,
    complete: true,
    ...part,
  });
