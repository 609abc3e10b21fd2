// The one mocha of this process; imported before the tests, since it makes `describe` and `it` global.
import { format } from 'node:util';

import Mocha from 'mocha';

export const mocha = new Mocha({ ui: 'bdd', timeout: 180_000, color: false, reporter: 'spec' });
// The mark distinguishes these lines from those of the window itself.
Mocha.reporters.Base.consoleLog = (...args: unknown[]) => console.log(`[test] ${format(...args)}`);
mocha.suite.emit('pre-require', globalThis, null, mocha);
