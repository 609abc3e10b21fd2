// Commands that start a program: run, compare, debug; and the one that copies how to.
import { dirname } from 'node:path';
import * as vscode from 'vscode';

import type { Command } from '../commands/register';
import type { Connection } from '../client/connection';
import { editorSetting } from '../client/settings';
import { commandLine, flagsOf, programToRun, type Program } from './launch';
import { runInTerminal } from './terminalRun';
import type { Measurement } from './timedRun';

/** Return the commands by their names. */
export function runCommands(context: vscode.ExtensionContext, connection: Connection): Record<string, Command> {
  const measured = async (uri: vscode.Uri | undefined, compares: boolean): Promise<Measurement | null> => {
    const program = await programToRun(connection, uri);
    const key = `plainMilliseconds ${program.uri.toString()}`;
    const measurement = await runInTerminal(context, program, {
      compares,
      runs: compares ? editorSetting('compareRuns', 3) : 1,
      plainMilliseconds: context.workspaceState.get<number | null>(key, null),
    });
    if (compares && measurement !== null) await context.workspaceState.update(key, measurement.plainMilliseconds);
    return measurement;
  };
  return {
    'esmcache.action.run': (uri?: vscode.Uri) => measured(uri, false),
    'esmcache.action.compare': (uri?: vscode.Uri) => measured(uri, true),
    'esmcache.action.debug': async (uri?: vscode.Uri) => debug(await programToRun(connection, uri)),
    'esmcache.action.copyCommandLine': async (uri?: vscode.Uri) => {
      const { launch } = await programToRun(connection, uri);
      await vscode.env.clipboard.writeText(commandLine(launch));
      vscode.window.setStatusBarMessage('$(copy) Command line copied', 4000);
    },
  };
}

async function debug({ uri, launch }: Program): Promise<boolean> {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  return vscode.debug.startDebugging(folder, {
    type: 'node',
    request: 'launch',
    name: `Debug ${vscode.workspace.asRelativePath(uri)} with Cache`,
    program: uri.fsPath,
    cwd: folder?.uri.fsPath ?? dirname(uri.fsPath),
    runtimeExecutable: launch.executable,
    runtimeArgs: flagsOf(launch),
    env: launch.env,
    // Otherwise the debugger puts a preload of its own before ours, which then leaves everything to Node.
    attachSimplePort: 0,
    continueOnAttach: true,
    console: 'integratedTerminal',
    skipFiles: ['<node_internals>/**'],
  });
}
