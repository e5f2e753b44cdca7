// The trackers of the configuration by their id, and how a reload replaces one: requests under way keep the connections they
// have, which then close by being idle. All pipelines of a worker share them.

import { isDeepStrictEqual } from 'node:util';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../../core/settings.ts';
import type { UpstreamContact } from '../../core/upstream-contact.ts';
import { createUpstream, type Upstream } from './upstream.ts';
import type { UpstreamDeps } from './connect.ts';

export interface Upstreams {
  find(id: UpstreamId): Upstream | undefined;
  /**
   * From now on these; one whose settings are the same stays with its connections.
   * @throws whatever createUpstream throws; nothing has changed then
   */
  apply(settings: readonly UpstreamSettings[], use: UpstreamUse, limits: Limits): void;
  /** connections to all of them by state */
  connections(): { readonly active: number; readonly idle: number; readonly connecting: number };
  /** requests that wait for a connection */
  queued(): number;
  /** how connecting to each went */
  contacts(): Readonly<Partial<Record<UpstreamId, UpstreamContact>>>;
  /** cuts what is in flight */
  destroy(): Promise<void>;
}

interface Known {
  readonly settings: readonly [UpstreamSettings, UpstreamUse, Limits];
  readonly upstream: Upstream;
}

export const createUpstreams = (deps: UpstreamDeps = {}): Upstreams => {
  let known = new Map<UpstreamId, Known>();
  /** replaced ones, as long as somebody waits for an answer of theirs */
  const leaving = new Set<Upstream>();

  const sweep = (): void => {
    for (const upstream of leaving) {
      const { active, waiting } = upstream.counts();
      if (active + waiting > 0) continue;
      leaving.delete(upstream);
      void upstream.destroy();
    }
  };

  const everyOne = (): readonly Upstream[] => [
    ...[...known.values()].map(({ upstream }) => upstream),
    ...leaving,
  ];

  return {
    find: (id) => known.get(id)?.upstream,
    apply: (all, use, limits) => {
      const next = new Map<UpstreamId, Known>();
      for (const one of all) {
        const settings = [one, use, limits] as const;
        const old = known.get(one.id);
        const same = old !== undefined && isDeepStrictEqual(old.settings, settings);
        next.set(one.id, same ? old : { settings, upstream: createUpstream(one, use, limits, deps) });
      }
      for (const [id, { upstream }] of known) {
        if (next.get(id)?.upstream !== upstream) leaving.add(upstream);
      }
      known = next;
      sweep();
    },
    connections: () => {
      const sum = { active: 0, idle: 0, connecting: 0 };
      for (const upstream of everyOne()) {
        const { open, idle, connecting } = upstream.counts();
        sum.active += open - idle;
        sum.idle += idle;
        sum.connecting += connecting;
      }
      return sum;
    },
    queued: () => everyOne().reduce((sum, upstream) => sum + upstream.counts().waiting, 0),
    contacts: () => Object.fromEntries([...known].map(([id, { upstream }]) => [id, upstream.contact()])),
    destroy: async () => {
      await Promise.all(everyOne().map((upstream) => upstream.destroy()));
    },
  };
};
