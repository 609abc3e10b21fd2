import * as assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';

import { eventually, inWorkspace, settled } from './support';

describe('Terminals', () => {
  const output = inWorkspace('terminal-output.txt');

  before(() => settled());
  afterEach(async () => {
    await vscode.workspace.getConfiguration('esmcache').update('terminal.inject', undefined, true);
    await vscode.workspace.fs.delete(output);
  });

  it('are left alone unless the user opts in', async () => {
    assert.doesNotMatch(await nodeOptions(output), /register\.cjs/);
  });

  it('serve every node once the user has opted in', async () => {
    await vscode.commands.executeCommand('esmcache.action.toggleTerminals');
    assert.equal(vscode.workspace.getConfiguration('esmcache').get('terminal.inject'), true);
    assert.match(await nodeOptions(output), /--require ".*register\.cjs"/);
  });
});

/** Return the value of NODE_OPTIONS in a new terminal. */
async function nodeOptions(output: vscode.Uri): Promise<string> {
  const terminal = vscode.window.createTerminal({ shellPath: '/bin/sh', name: 'probe' });
  terminal.sendText(
    `echo "options: $NODE_OPTIONS" > '${output.fsPath}.part'; mv '${output.fsPath}.part' '${output.fsPath}'`,
  );
  const read = (): Promise<string> => readFile(output.fsPath, 'utf8').catch(() => '');
  await eventually('the terminal has answered', async () => (await read()) !== '');
  terminal.dispose();
  return read();
}
