import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import { serverCommands } from '../../../../editors/vscode/src/client/protocol';
import type { Connection } from '../../../../editors/vscode/src/client/connection';
import { eventually } from './support';

describe('Activation', () => {
  let connection: Connection;

  before(async () => {
    const extension = vscode.extensions.getExtension<Connection>('esmcache.esmcache')!;
    connection = await extension.activate();
    await eventually('the server runs', () => connection.state === 'running');
  });

  it('starts the bundled server where nothing else is said', () => {
    assert.equal(connection.server?.origin, 'bundled');
  });

  it('registers every command that the manifest names', async () => {
    const { packageJSON } = vscode.extensions.getExtension('esmcache.esmcache')!;
    const registered = new Set(await vscode.commands.getCommands(true));
    const named = (packageJSON.contributes.commands as { command: string }[]).map(({ command }) => command);
    assert.deepEqual(
      named.filter((command) => !registered.has(command)),
      [],
    );
  });

  it('offers the commands of the server as well', async () => {
    // The client registers them after it reports that it is running.
    await eventually('all are registered', async () => {
      const registered = new Set(await vscode.commands.getCommands(true));
      return Object.values(serverCommands).every((command) => registered.has(command));
    });
  });

  it('restarts the server', async () => {
    await vscode.commands.executeCommand('esmcache.action.restartServer');
    await eventually('the server runs again', () => connection.state === 'running');
  });
});
