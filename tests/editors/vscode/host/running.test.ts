import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { Measurement } from '../../../../editors/vscode/src/running/timedRun';
import { allWarm, inWorkspace, servedAtLatestStart } from './support';

describe('A program that is run', () => {
  const uri = inWorkspace('src/main.js');

  before(() => allWarm());

  it('is served, and measured without being run twice', async () => {
    const measured = await vscode.commands.executeCommand<Measurement>('esmcache.action.run', uri);
    assert.ok(measured.servedMilliseconds > 0);
    assert.equal(measured.plainMilliseconds, null);
    assert.equal(await servedAtLatestStart(), 4);
  });

  it('is compared with a plain start where that is asked for', async () => {
    const measured = await vscode.commands.executeCommand<Measurement>('esmcache.action.compare', uri);
    assert.ok(measured.servedMilliseconds > 0);
    assert.ok(measured.plainMilliseconds !== null && measured.plainMilliseconds > 0);
  });

  it('is compared with what was measured before', async () => {
    const compared = await vscode.commands.executeCommand<Measurement>('esmcache.action.compare', uri);
    const measured = await vscode.commands.executeCommand<Measurement>('esmcache.action.run', uri);
    assert.equal(measured.plainMilliseconds, compared.plainMilliseconds);
  });
});
