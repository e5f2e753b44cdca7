import t from 'tap';
import { isNodeSupported, supportedNodes } from '../../../src/core/platform/node-floor.ts';

t.test('each line has a floor; a line that is newer than all is above it', (t) => {
  for (const floor of supportedNodes()) {
    t.ok(isNodeSupported(floor), floor);
    t.ok(isNodeSupported(`v${floor}`), 'as process.version has it');
    const [major = '', minor = ''] = floor.split('.');
    t.ok(isNodeSupported(`v${major}.${Number(minor) + 1}.0`));
    t.notOk(isNodeSupported(`v${major}.${Number(minor) - 1}.99`));
    t.notOk(isNodeSupported(`v${major}.${minor}.0`), 'a patch below');
  }
  t.notOk(isNodeSupported('v20.20.0'), 'a line without a floor is not looked after any more');
  t.notOk(isNodeSupported('v25.99.0'));
  t.ok(isNodeSupported('v99.0.0'));
  t.end();
});
