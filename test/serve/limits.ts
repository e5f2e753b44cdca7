import t from 'tap';
import { DEFAULT_LIMITS, withDefaults } from '../../src/serve/limits.ts';

t.test('what is told changes, the rest stays', (t) => {
  t.same(withDefaults({ bodyBytes: 5 }), { ...DEFAULT_LIMITS, bodyBytes: 5 });
  t.same(withDefaults(), DEFAULT_LIMITS);
  t.ok(Object.isFrozen(withDefaults()));
  t.end();
});

t.test('the defaults fit each other', (t) => {
  for (const [name, value] of Object.entries(DEFAULT_LIMITS))
    t.ok(Number.isInteger(value) && value > 0, name);
  t.ok(DEFAULT_LIMITS.headersMs <= DEFAULT_LIMITS.requestMs);
  t.ok(DEFAULT_LIMITS.connectionsPerAddress < DEFAULT_LIMITS.connections);
  t.end();
});
