// The trackers of the configuration by their id, and how a reload replaces one: requests under way keep the connections they
// have, which then close by being idle. All fronts of a gate share them.

import { isDeepStrictEqual } from 'node:util';
import type { Limits, UpstreamId, UpstreamSettings, UpstreamUse } from '../core/settings.ts';
import { createUpstream, type Upstream } from './upstream.ts';

export interface Upstreams {
  find(id: UpstreamId): Upstream | undefined;
  /**
   * From now on these; one whose settings are the same stays with its connections.
   * @throws whatever createUpstream throws; nothing has changed then
   */
  apply(settings: readonly UpstreamSettings[], use: UpstreamUse, limits: Limits): void;
  /** cuts what is in flight */
  destroy(): Promise<void>;
}

interface Known {
  readonly settings: readonly [UpstreamSettings, UpstreamUse, Limits];
  readonly upstream: Upstream;
}

export const createUpstreams = (): Upstreams => {
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

  return {
    find: (id) => known.get(id)?.upstream,
    apply: (all, use, limits) => {
      const next = new Map<UpstreamId, Known>();
      for (const one of all) {
        const settings = [one, use, limits] as const;
        const old = known.get(one.id);
        const same = old !== undefined && isDeepStrictEqual(old.settings, settings);
        next.set(one.id, same ? old : { settings, upstream: createUpstream(one, use, limits) });
      }
      for (const [id, { upstream }] of known) {
        if (next.get(id)?.upstream !== upstream) leaving.add(upstream);
      }
      known = next;
      sweep();
    },
    destroy: async () => {
      const all = [...[...known.values()].map(({ upstream }) => upstream), ...leaving];
      await Promise.all(all.map((upstream) => upstream.destroy()));
    },
  };
};
