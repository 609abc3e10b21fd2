// The menu that a click on a status item opens.
import * as vscode from 'vscode';

import { PROGRAM_LANGUAGES, type Connection } from '../client/connection';
import { editorSetting } from '../client/settings';
import { describe } from './describe';

interface Choice extends vscode.QuickPickItem {
  command?: string;
  args?: unknown[];
}

/** Show the menu and run what is chosen. */
export async function showMenu(connection: Connection): Promise<void> {
  const { line } = describe(connection);
  const chosen = await vscode.window.showQuickPick(choices(connection), { title: `esmcache: ${line}` });
  if (chosen?.command !== undefined) await vscode.commands.executeCommand(chosen.command, ...(chosen.args ?? []));
}

function choices(connection: Connection): Choice[] {
  const isModule = PROGRAM_LANGUAGES.includes(vscode.window.activeTextEditor?.document.languageId ?? '');
  const server: Choice[] = [
    heading('Server'),
    choice('$(debug-restart) Restart Server', 'esmcache.action.restartServer'),
    choice('$(output) Show Logs', 'esmcache.action.showLogs'),
    choice('$(gear) Settings', 'workbench.action.openSettings', '@ext:esmcache.esmcache'),
  ];
  if (connection.state === 'missing') {
    server.splice(1, 0, choice('$(cloud-download) Install Server', 'esmcache.action.installServer'));
  }
  if (connection.state !== 'running') return server;
  return [...(isModule ? fileChoices() : []), ...workspaceChoices(), ...server];
}

function fileChoices(): Choice[] {
  const running: Choice[] = [
    choice('$(run) Run with Cache', 'esmcache.action.run'),
    choice('$(debug-alt) Debug with Cache', 'esmcache.action.debug'),
    choice('$(watch) Compare Start with and without the Cache', 'esmcache.action.compare'),
  ];
  return [
    heading('This file'),
    ...(vscode.workspace.isTrusted ? running : []),
    choice('$(flame) Warm This File and Its Imports', 'esmcache.action.warmFile'),
    choice('$(type-hierarchy) Show Module Graph', 'esmcache.action.showGraph'),
    choice('$(question) Explain This File', 'esmcache.action.explainFile'),
    choice('$(copy) Copy Command Line', 'esmcache.action.copyCommandLine'),
  ];
}

function workspaceChoices(): Choice[] {
  const served = editorSetting('terminal.inject', false);
  return [
    heading('Workspace'),
    choice('$(flame) Warm Workspace', 'esmcache.action.warmWorkspace'),
    choice('$(type-hierarchy) Show Module Graph of the Workspace', 'esmcache.action.showWorkspaceGraph'),
    choice('$(graph) Show Statistics', 'esmcache.action.showStatistics'),
    choice(
      served ? '$(terminal) Stop Serving Node in Terminals' : '$(terminal) Serve Node in Terminals',
      'esmcache.action.toggleTerminals',
    ),
    choice('$(refresh) Rebuild', 'esmcache.action.rebuild'),
    choice('$(trash) Clear Cache', 'esmcache.action.clear'),
  ];
}

function heading(label: string): Choice {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function choice(label: string, command: string, ...args: unknown[]): Choice {
  return { label, command, args };
}
