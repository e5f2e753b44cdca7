import t from 'tap';
import { configPath } from '../../../src/cli/arguments/config-path.ts';

const here = (...paths: readonly string[]) => ({
  cwd: '/srv',
  exists: (path: string) => paths.includes(path),
});

const both = here('/srv/config/linkgate.yaml', '/etc/linkgate/linkgate.yaml');

t.test('the first that is named, else the first that is there', async (t) => {
  const env = { LINKGATE_CONFIG: 'from-env.yaml' };
  t.equal(configPath({ config: 'given.yaml', env, ...both }), 'given.yaml');
  t.equal(configPath({ env, ...both }), 'from-env.yaml');
  t.equal(
    configPath({ env: { LINKGATE_CONFIG: '' }, ...both }),
    'config/linkgate.yaml',
    'empty is not named',
  );
  t.equal(configPath({ env: {}, ...both }), 'config/linkgate.yaml');
  t.equal(configPath({ env: {}, ...here('/etc/linkgate/linkgate.yaml') }), '/etc/linkgate/linkgate.yaml');
});

t.test('a file that is named is not searched in other places', async (t) => {
  t.equal(configPath({ config: 'none.yaml', env: {}, ...here() }), 'none.yaml');
});

t.test('none named and none there', async (t) => {
  t.throws(() => configPath({ env: {}, ...here() }), {
    code: 'ERR_CONFIG_UNREADABLE',
    message:
      'no configuration is named with --config, and none is found at "config/linkgate.yaml" or "/etc/linkgate/linkgate.yaml"',
  });
});
