import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import { allWarm, eventually, inWorkspace, servedAtLatestStart } from './support';

describe('A program that is debugged', () => {
  const uri = inWorkspace('src/main.js');

  before(() => allWarm());
  afterEach(() => vscode.debug.removeBreakpoints(vscode.debug.breakpoints));

  it('stops at a breakpoint, runs to its end, and was served', async () => {
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(3, 0)))]);
    const ended = new Promise<void>((done) => vscode.debug.onDidTerminateDebugSession(() => done()));
    assert.equal(await vscode.commands.executeCommand('esmcache.action.debug', uri), true);
    await eventually('it has stopped', () => vscode.debug.activeStackItem instanceof vscode.DebugStackFrame);
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await ended;
    assert.equal(await servedAtLatestStart(), 4);
  });
});
