// Commands that change what is cached: warm, rebuild, clear.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import { serverCommands, type Summary } from '../client/protocol';
import { formatBytes, formatCount, formatMilliseconds } from '../format';
import { message } from '../text';
import { fileOrActive, saved, withProgress, type Command } from './register';

/** Return the commands by their names. */
export function cacheCommands(connection: Connection): Record<string, Command> {
  const summarised = async (title: string, command: string, ...args: unknown[]): Promise<Summary> => {
    const summary = await withProgress(title, () => connection.execute<Summary>(command, ...args));
    showSummary(summary);
    return summary;
  };
  const warmFile = async (uri?: vscode.Uri): Promise<Summary> =>
    summarised('warming', serverCommands.warm, (await saved(fileOrActive(uri))).toString());
  const rebuild = (uri?: vscode.Uri): Promise<Summary> =>
    summarised('rebuilding', serverCommands.rebuild, ...(uri === undefined ? [] : [uri.toString()]));
  return {
    'esmcache.action.warmWorkspace': () => summarised('warming the workspace', serverCommands.warmWorkspace),
    'esmcache.action.warmFile': warmFile,
    'esmcache.action.rebuild': () => rebuild(),
    'esmcache.action.clear': () => clear(connection),
    'esmcache.modules.warm': ({ uri }: { uri: vscode.Uri }) =>
      summarised('warming', serverCommands.warm, uri.toString(), { reach: false }),
    'esmcache.modules.rebuild': ({ uri }: { uri: vscode.Uri }) => rebuild(uri),
  };
}

async function clear(connection: Connection): Promise<void> {
  const clears = 'Clear';
  const answer = await vscode.window.showWarningMessage(
    'Clear the cache of all projects? Programs run natively until they are warmed again.',
    { modal: true },
    clears,
  );
  if (answer !== clears) return;
  const { bytesBefore, bytesAfter } = await withProgress('clearing', () =>
    connection.execute<{ bytesBefore: number; bytesAfter: number }>(serverCommands.clear),
  );
  vscode.window.setStatusBarMessage(`$(trash) ${formatBytes(bytesBefore - bytesAfter)} cleared`, 5000);
}

function showSummary({ modules, served, compiled, seconds, problems }: Summary): void {
  const took = formatMilliseconds(seconds * 1000);
  const line = `${formatCount(modules, 'module')}, ${served} served, ${compiled} compiled in ${took}`;
  vscode.window.setStatusBarMessage(`$(flame) ${line}`, 8000);
  const [first] = problems;
  if (first === undefined) return;
  const shows = 'Show Problems';
  const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
  void vscode.window.showWarningMessage(message(`esmcache: ${line}. ${first.message}${more}`), shows).then((answer) => {
    if (answer === shows) void vscode.commands.executeCommand('workbench.actions.view.problems');
  });
}
