import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { Connection } from '../../../../editors/vscode/src/client/connection';
import { eventually, openFile, settled } from './support';

describe('Settings', () => {
  let connection: Connection;
  const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('esmcache');

  before(async () => {
    connection = await settled();
  });

  it('that a workspace gives do not name a program', async () => {
    const { server } = connection;
    await assert.rejects(async () => settings().update('path', '/bin/false', vscode.ConfigurationTarget.Workspace));
    assert.equal(connection.server, server);
  });

  it('reach the server when they are changed', async () => {
    const editor = await openFile('src/main.js');
    const lenses = async (): Promise<number> => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        editor.document.uri,
        10,
      );
      return found.filter(({ command }) => command?.title.startsWith('esmcache: ')).length;
    };
    await settings().update('codeLens', false, true);
    await eventually('no lens', async () => (await lenses()) === 0);
    await settings().update('codeLens', undefined, true);
    await eventually('a lens', async () => (await lenses()) === 1);
  });

  it('make the client log its messages, and stop that', async () => {
    const { log } = connection;
    const { info } = log;
    const lines: string[] = [];
    log.info = (line) => lines.push(line);
    const traced = async (): Promise<boolean> => {
      lines.length = 0;
      await connection.statistics();
      return lines.some((line) => line.includes('esmcache/stats'));
    };
    try {
      assert.equal(await traced(), false);
      await settings().update('trace.server', 'messages', true);
      await eventually('the messages are logged', traced);
      await settings().update('trace.server', undefined, true);
      await eventually('nothing more is logged', async () => !(await traced()));
    } finally {
      log.info = info;
    }
  });
});
