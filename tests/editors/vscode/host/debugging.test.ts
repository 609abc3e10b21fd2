import * as assert from 'node:assert/strict';

import { allWarm, debugUpTo, inWorkspace, servedAtLatestStart } from './support';

describe('A program that is debugged', () => {
  before(() => allWarm());

  it('stops at a breakpoint, runs to its end, and was served', async () => {
    await debugUpTo(inWorkspace('src/main.js'), 3);
    assert.equal(await servedAtLatestStart(), 4);
  });
});
