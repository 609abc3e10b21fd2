// Registers commands so that what goes wrong in one is shown as a single line, and written to the log in full.
import * as vscode from 'vscode';

import { message } from '../text';

export type Command = (...args: never[]) => unknown;

/** Register the commands by their names and return what removes them. */
export function registerCommands(log: vscode.LogOutputChannel, commands: Record<string, Command>): vscode.Disposable {
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, command]) =>
      vscode.commands.registerCommand(name, async (...args: never[]) => {
        try {
          return await command(...args);
        } catch (error) {
          const said = error instanceof Error ? error.message : String(error);
          log.error(`${name}: ${said}`);
          void vscode.window.showErrorMessage(message(`esmcache: ${said}`));
          return undefined;
        }
      }),
    ),
  );
}

/** Return the file that a command is about: the one it was called for, else the active editor's. */
export function fileOrActive(uri: vscode.Uri | undefined): vscode.Uri {
  const chosen = uri ?? vscode.window.activeTextEditor?.document.uri;
  if (chosen === undefined || chosen.scheme !== 'file') throw new Error('open a JavaScript or TypeScript file first');
  return chosen;
}

/** Save the document if it is open and changed: what is cached and run is what is on disk. */
export async function saved(uri: vscode.Uri): Promise<vscode.Uri> {
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
  if (document?.isDirty === true) await document.save();
  return uri;
}

/** Run `work` and show that it is under way in the status bar. */
export function withProgress<Answer>(title: string, work: () => Promise<Answer>): Thenable<Answer> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: `esmcache: ${title}` }, work);
}
