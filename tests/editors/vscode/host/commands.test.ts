import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { Summary } from '../../../../editors/vscode/src/client/protocol';
import { eventually, inWorkspace, openFile, settled } from './support';

describe('Commands', () => {
  before(async () => {
    await settled();
    await openFile('src/main.js');
  });

  it('warm the workspace', async () => {
    const summary = await vscode.commands.executeCommand<Summary>('esmcache.action.warmWorkspace');
    assert.deepEqual(summary.problems, []);
    assert.ok(summary.modules >= 4, `${summary.modules} modules`);
  });

  it('warm a file and what it imports', async () => {
    const summary = await vscode.commands.executeCommand<Summary>(
      'esmcache.action.warmFile',
      inWorkspace('src/even.js'),
    );
    assert.deepEqual(summary.problems, []);
    assert.ok(summary.modules >= 2, `${summary.modules} modules`);
  });

  it('rebuild', async () => {
    const summary = await vscode.commands.executeCommand<Summary>('esmcache.action.rebuild');
    assert.ok(summary.compiled >= 4, `${summary.compiled} compiled`);
  });

  it('show statistics', async () => {
    await vscode.commands.executeCommand('esmcache.action.showStatistics');
    await eventually('a preview', () => tabLabels().some((label) => label.includes('statistics')));
    assert.match(await report('esmcache statistics'), /\| package \| modules \| size \|/);
  });

  it('explain a file', async () => {
    await vscode.commands.executeCommand('esmcache.action.explainFile', inWorkspace('src/main.js'));
    await eventually('a preview', () => tabLabels().some((label) => label.includes('main.js')));
    assert.match(await report('esmcache src › main.js'), /main\.js/);
  });

  it('copy a command line that starts the program', async () => {
    await vscode.commands.executeCommand('esmcache.action.copyCommandLine', inWorkspace('src/main.js'));
    assert.match(await vscode.env.clipboard.readText(), /--require \S+register\.cjs .*src\/main\.js$/);
  });

  it('show the module graph', async () => {
    await vscode.commands.executeCommand('esmcache.action.showGraph', inWorkspace('src/main.js'));
    await eventually('its panel', () => tabLabels().includes('Graph: main.js'));
  });
});

function tabLabels(): string[] {
  return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs.map(({ label }) => label));
}

async function report(title: string): Promise<string> {
  const uri = vscode.Uri.from({ scheme: 'esmcache', path: `/${title}.md` });
  return (await vscode.workspace.openTextDocument(uri)).getText();
}
