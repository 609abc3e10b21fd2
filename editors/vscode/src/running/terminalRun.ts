// Runs a program in a terminal through timedRun, which measures it and prints one line at its end.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';

import { printable } from '../text';
import type { Program } from './launch';
import type { Measurement, Run } from './timedRun';

/** Run the program `runs` times with the cache and, if `compares`, as often without; return what was measured. */
export async function runInTerminal(
  context: vscode.ExtensionContext,
  { uri, launch }: Program,
  what: { runs: number; compares: boolean; plainMilliseconds: number | null },
): Promise<Measurement | null> {
  const folder = await mkdtemp(join(tmpdir(), 'esmcache-run-'));
  try {
    const run: Run = { ...what, launch, result: join(folder, 'result.json') };
    const name = `${what.compares ? 'Compare' : 'Run'} ${printable(basename(uri.fsPath))}`;
    const workspace = vscode.workspace.getWorkspaceFolder(uri);
    await ended(task(context, name, launch.executable, run, workspace?.uri.fsPath ?? dirname(uri.fsPath)));
    return JSON.parse(await readFile(run.result, 'utf8').catch(() => 'null')) as Measurement | null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function task(context: vscode.ExtensionContext, name: string, node: string, run: Run, cwd: string): vscode.Task {
  const script = join(context.extensionPath, 'dist', 'timedRun.js');
  // What is to be run is told in the environment: a command line would show all of it in the terminal. A served
  // terminal would serve timedRun itself, too.
  const env = { ESMCACHE_TIMED_RUN: JSON.stringify(run), ESMCACHE_DISABLE: '1' };
  const execution = new vscode.ProcessExecution(node, [script], { cwd, env });
  const made = new vscode.Task({ type: 'esmcache', name }, vscode.TaskScope.Workspace, name, 'esmcache', execution);
  made.presentationOptions = {
    reveal: vscode.TaskRevealKind.Always,
    panel: vscode.TaskPanelKind.Dedicated,
    clear: true,
    echo: false,
    showReuseMessage: false,
  };
  made.problemMatchers = [];
  return made;
}

async function ended(toRun: vscode.Task): Promise<void> {
  let execution: vscode.TaskExecution | undefined;
  let listener: vscode.Disposable | undefined;
  const end = new Promise<void>((done) => {
    listener = vscode.tasks.onDidEndTask((event) => {
      if (event.execution === execution) done();
    });
  });
  try {
    execution = await vscode.tasks.executeTask(toRun);
    await end;
  } finally {
    listener?.dispose();
  }
}
