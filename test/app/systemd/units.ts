import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  PACKAGED,
  UNIT_NAMES,
  WRITTEN_BY,
  hiddenPaths,
  systemdUnits,
  type Installation,
} from '../../../src/app/systemd/units.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const FOLDER = fileURLToPath(new URL('../../../systemd', import.meta.url));

const textOf = (changes: Partial<Installation>, name = 'linkgate.service'): string =>
  systemdUnits({ ...PACKAGED, ...changes }).find((unit) => unit.name === name)?.text ?? '';

t.test('the folder systemd/ holds these units: npm run units', async (t) => {
  const units = systemdUnits(PACKAGED);
  t.strictSame(readdirSync(FOLDER).toSorted(), units.map(({ name }) => name).toSorted());
  for (const { name, text } of units) t.equal(readFileSync(join(FOLDER, name), 'utf8'), text, name);
});

t.test('systemd finds nothing wrong and little exposed', { skip: needs('systemd-analyze') }, async (t) => {
  for (const sockets of [true, false]) {
    const folder = tempDir(t);
    // a program that exists, which verify asks for
    const command = [process.execPath, '/usr/bin/env'];
    const paths = systemdUnits({ ...PACKAGED, command, sockets }).map(({ name, text }) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    });
    t.equal(paths.length, sockets ? 4 : 1);
    const verify = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    t.equal(verify.stderr, '', 'verify');
    t.equal(verify.status, 0);
    const rating = spawnSync('systemd-analyze', ['security', '--offline=true', paths[0] ?? ''], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, LC_ALL: 'C' },
    });
    const exposure = Number(/exposure level for linkgate\.service: ([\d.]+)/.exec(rating.stdout)?.[1]);
    t.ok(exposure > 0, rating.stderr);
    t.ok(exposure <= (sockets ? 1.5 : 1.6), `exposure ${exposure}, sockets passed: ${sockets}`);
  }
});

t.test('a capability is given only where sockets are not passed', async (t) => {
  const passed = textOf({});
  t.match(passed, /^CapabilityBoundingSet=$/m);
  t.notMatch(passed, /CAP_/);
  t.match(passed, /^Sockets=linkgate-https\.socket linkgate-http\.socket linkgate-admin\.socket$/m);
  t.match(passed, /^KillMode=process$/m);
  const bound = textOf({ sockets: false });
  t.match(bound, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  t.match(bound, /^KillMode=mixed$/m);
  t.notMatch(bound, /\.socket/);
});

t.test('a log file has a place that the service may write to', async (t) => {
  t.notMatch(textOf({}), 'LogsDirectory');
  t.match(
    textOf({ logFile: '/var/log/linkgate/linkgate.log' }),
    /^StateDirectoryMode=0700\nLogsDirectory=linkgate\nLogsDirectoryMode=0750\nConfig/m,
  );
  t.match(textOf({ logFile: '/srv/log/linkgate.log', user: 'web' }), /^ReadWritePaths=\/srv\/log$/m);
  t.equal(textOf({ logFile: '/dev/stderr' }), textOf({}));
  for (const logFile of ['/srv/log/linkgate.log', '/var/log/linkgate.log'])
    t.throws(() => textOf({ logFile }), { code: 'ERR_SYSTEMD_UNFIT', message: /--user/ });
  t.match(hiddenPaths({ ...PACKAGED, logFile: '/tmp/linkgate.log', user: 'web' }), [
    { path: '/tmp/linkgate.log', below: '/tmp', is: 'log file' },
  ]);
});

t.test('sockets have the addresses of the configuration', async (t) => {
  const listen = {
    https: { host: '::', port: 443 },
    http: { host: '2001:db8::1', port: 8080 },
    admin: { host: '127.0.0.1', port: 9464, fd: 'inside' },
  };
  t.match(
    textOf({ listen }, 'linkgate-https.socket'),
    /^ListenStream=443\nBindIPv6Only=both\nFileDescriptorName=https$/m,
  );
  t.match(
    textOf({ listen }, 'linkgate-http.socket'),
    /^ListenStream=\[2001:db8::1\]:8080\nFileDescriptorName=http$/m,
  );
  t.match(
    textOf({ listen }, 'linkgate-admin.socket'),
    /^ListenStream=127\.0\.0\.1:9464\nFileDescriptorName=inside$/m,
  );
});

t.test('paths are quoted, and nothing in them is expanded', async (t) => {
  const text = textOf({ command: ['/opt/my node/node', '/opt/100%/$main.js'], config: '/etc/a"b.yaml' });
  t.match(text, String.raw`ExecStart="/opt/my node/node" /opt/100%%/$$main.js run --config "/etc/a\"b.yaml"`);
});

t.test('the user it runs as, and the folders it writes', async (t) => {
  t.match(textOf({}), 'DynamicUser=yes\nStateDirectory=linkgate\n');
  t.match(textOf({ storage: '/var/lib/tls/certs', user: 'web' }), 'User=web\nStateDirectory=tls\n');
  t.match(textOf({ storage: '/srv/certs', user: 'web' }), 'User=web\nReadWritePaths=/srv/certs\n');
  t.throws(() => textOf({ storage: '/srv/certs' }), {
    code: 'ERR_SYSTEMD_UNFIT',
    message: /^storage "\/srv\/certs" lies outside "\/var\/lib\/"/,
  });
  for (const unit of systemdUnits(PACKAGED)) t.ok(unit.text.startsWith(WRITTEN_BY), unit.name);
});

t.test('paths that services do not see are found, and hide nothing of the units', async (t) => {
  for (const [key, value, is] of [
    ['command', [join('/root', '.nvm/node')], 'program'],
    ['config', join('/home', 'me/linkgate.yaml'), 'configuration'],
    ['storage', '/tmp/certs', 'storage'],
  ] as const) {
    t.match(hiddenPaths({ ...PACKAGED, [key]: value }), [{ path: [value].flat()[0], is }]);
    t.match(textOf({ user: 'web', [key]: value }), /^ExecStart=/m);
  }
  t.strictSame(hiddenPaths(PACKAGED), []);
});

t.test('the list of unit names is complete; the units name the man page that is shipped', async (t) => {
  t.strictSame(
    systemdUnits(PACKAGED).map(({ name }) => name),
    UNIT_NAMES,
  );
  t.match(textOf({}), /^Documentation=man:linkgate\(1\)$/m);
  t.match(readFileSync(join(FOLDER, '..', 'docs', 'man', 'linkgate.1'), 'utf8'), /^\.TH LINKGATE 1 /);
});
