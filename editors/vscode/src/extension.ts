// Wires the parts together when VS Code activates the extension. No analysis and no cache logic live here: see server/.
import * as vscode from 'vscode';

import { Connection } from './client/connection';
import { needsRestart } from './client/settings';
import { cacheCommands } from './commands/cacheCommands';
import { inspectCommands } from './commands/inspectCommands';
import { registerCommands } from './commands/register';
import { offerInstallation, serverControl } from './commands/serverControl';
import { GraphPanel } from './graph/panel';
import { ModuleTree, treeCommands } from './modules/tree';
import { Reports } from './reports/reports';
import { runCommands } from './running/runCommands';
import { TerminalInjection } from './running/terminalInjection';
import { languageStatus } from './status/languageStatus';
import { statusBar } from './status/statusBar';

/** Start the server and show everything; returns before the server answers. */
export function activate(context: vscode.ExtensionContext): Connection {
  const log = vscode.window.createOutputChannel('esmcache', { log: true });
  const connection = new Connection(context, log);
  const reports = new Reports();
  const tree = new ModuleTree(connection);
  const graph = new GraphPanel(context.extensionUri, connection);
  const terminals = new TerminalInjection(context, connection);
  const commands = registerCommands(log, {
    ...cacheCommands(connection),
    ...inspectCommands(connection, reports, graph),
    ...runCommands(context, connection),
    ...serverControl(context, connection),
    ...treeCommands(tree),
    'esmcache.action.toggleTerminals': () => terminals.toggle(),
  });
  const restarts = vscode.Disposable.from(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (needsRestart(change)) void connection.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void connection.takeTrust()),
  );
  const status = vscode.Disposable.from(
    languageStatus(connection),
    statusBar(connection),
    offerInstallation(connection),
  );
  context.subscriptions.push(commands, restarts, status, terminals, graph, tree, reports, connection, log);
  void connection.restart();
  return connection;
}
