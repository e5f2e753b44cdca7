// Port 1, the last step of the certificate path: the context for the name that a client sent. It runs on every handshake from the
// internet, so an unknown name must cost nothing, and nothing may throw.

import type { SecureContext } from 'node:tls';
import { normalizeName } from '../../core/domain-name.ts';
import type { Handshake } from '../../core/ports.ts';
import type { Emit } from '../../core/events.ts';
import type { ContextCache, ContextLookup } from './context-cache.ts';

export interface HandshakeOptions {
  readonly cache: Pick<ContextCache, 'lookup'>;
  /** whether a normalized name is configured */
  readonly isServed: (name: string) => boolean;
  readonly emit: Emit;
}

/** The TLS listener calls the result for every ClientHello. It returns at once for a context in memory. */
export const createHandshake = ({ cache, isServed, emit }: HandshakeOptions): Handshake => {
  const tell = ({ result, context }: ContextLookup): SecureContext | undefined => {
    emit('context.looked', { result });
    return context;
  };
  return (servername) => {
    try {
      const name = normalizeName(servername);
      if (!isServed(name)) return tell({ result: 'absent' });
      const found = cache.lookup(name);
      return found instanceof Promise ? found.then(tell, () => tell({ result: 'failed' })) : tell(found);
    } catch {
      return tell({ result: 'failed' });
    }
  };
};
