// Commands about the server itself: restart it, install it, show its log, open the menu.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import { serverCommands } from '../client/protocol';
import { installServer } from '../server/ownEnvironment';
import { showMenu } from '../status/menu';
import type { Command } from './register';

/** Return the commands by their names. */
export function serverControl(context: vscode.ExtensionContext, connection: Connection): Record<string, Command> {
  return {
    'esmcache.action.showMenu': () => showMenu(connection),
    'esmcache.action.restartServer': () => connection.restart(),
    'esmcache.action.installServer': () => install(context, connection),
    'esmcache.action.showLogs': () => showLogs(connection),
  };
}

/** Offer to install the server, in one message, whenever none was found. */
export function offerInstallation(connection: Connection): vscode.Disposable {
  let offered = false;
  return connection.onDidChange(() => {
    if (connection.state !== 'missing' || offered) return;
    offered = true;
    const installs = 'Install';
    const message = 'esmcache: no language server was found, neither bundled, in Python, nor on PATH.';
    void vscode.window.showErrorMessage(message, installs).then((answer) => {
      offered = false;
      if (answer === installs) void vscode.commands.executeCommand('esmcache.action.installServer');
    });
  });
}

async function install(context: vscode.ExtensionContext, connection: Connection): Promise<void> {
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: 'esmcache: installing the language server' },
    () => installServer(context, connection.log),
  );
  await connection.restart();
}

/** Show the editor's side of the log, and beside it the server's own file if it keeps one. */
async function showLogs(connection: Connection): Promise<void> {
  connection.log.show(true);
  if (connection.state !== 'running') return;
  await connection.execute(serverCommands.showOutput);
}
