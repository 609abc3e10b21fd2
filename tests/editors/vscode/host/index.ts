// The extension host calls this module, which runs every test and raises if one failed.
import { mocha } from './suite';

import './activation.test';
import './diagnostics.test';
import './commands.test';
import './status.test';
import './running.test';
import './debugging.test';
import './terminals.test';
import './settings.test';
import './typescript.test';

/** Run all tests; raises with their number if some failed. */
export function run(): Promise<void> {
  return new Promise((done, fail) => {
    mocha.run((failures) => {
      if (failures === 0) done();
      else fail(new Error(`${failures} failed`));
    });
  });
}
