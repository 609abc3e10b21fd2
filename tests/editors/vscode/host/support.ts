// Functions that tests in the extension host share: the extension's connection, files of the workspace, and waiting.
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';

import type { Connection } from '../../../../editors/vscode/src/client/connection';

/** Return the extension's connection, with its server running and at rest. */
export async function settled(): Promise<Connection> {
  const extension = vscode.extensions.getExtension<Connection>('esmcache.esmcache');
  if (extension === undefined) throw new Error('the extension is not installed');
  const connection = await extension.activate();
  await eventually('the server is at rest', () => connection.status?.quiescent === true);
  return connection;
}

/** Return the extension's connection, once all modules of the workspace are warm. */
export async function allWarm(): Promise<Connection> {
  const connection = await settled();
  await eventually('all are warm', () => connection.status?.quiescent === true && connection.status.fresh === 4);
  return connection;
}

/** Return the URI of a file of the workspace. */
export function inWorkspace(path: string): vscode.Uri {
  return vscode.Uri.joinPath(vscode.workspace.workspaceFolders![0]!.uri, path);
}

/** Open a file of the workspace in an editor. */
export async function openFile(path: string): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(inWorkspace(path)));
}

/** Replace the whole text of a document by `text`, and save it. */
export async function rewrite({ document }: vscode.TextEditor, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  await vscode.workspace.applyEdit(edit);
  await document.save();
}

/** Wait until `check` is true of what the editor shows; mocha's time limit ends the wait. */
export async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!(await check())) {
    if (Date.now() > limit) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, 40));
  }
}

/** Return this extension's diagnostics of a file, by their codes. */
export function diagnosticCodes(uri: vscode.Uri): string[] {
  return vscode.languages
    .getDiagnostics(uri)
    .filter(({ source }) => source === 'esmcache')
    .map(({ code }) => String(typeof code === 'object' ? code.value : code));
}

/** Return what is offered to do at a position, with edits. */
export async function codeActions(uri: vscode.Uri, at: vscode.Position): Promise<vscode.CodeAction[]> {
  const range = new vscode.Range(at, at);
  return vscode.commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', uri, range);
}

/** Debug a program with the cache: stop at a breakpoint in a line, counted from 0, and run to the end. */
export async function debugUpTo(uri: vscode.Uri, line: number): Promise<void> {
  const breakpoint = new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(line, 0)));
  vscode.debug.addBreakpoints([breakpoint]);
  try {
    const ended = new Promise<void>((done) => vscode.debug.onDidTerminateDebugSession(() => done()));
    if ((await vscode.commands.executeCommand('esmcache.action.debug', uri)) !== true) throw new Error('not debugged');
    await eventually('it has stopped', () => vscode.debug.activeStackItem instanceof vscode.DebugStackFrame);
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await ended;
  } finally {
    vscode.debug.removeBreakpoints([breakpoint]);
  }
}

/** Return how many modules the latest start was served, as the preload reported it. */
export async function servedAtLatestStart(): Promise<number> {
  const lines = (await readFile(process.env.ESMCACHE_LOG!, 'utf8')).trim().split('\n');
  return (JSON.parse(lines.at(-1)!) as { served: number }).served;
}
