// Serves every `node` in integrated terminals, where the user opted in: the preload goes into NODE_OPTIONS there.
import * as vscode from 'vscode';

import { DOCUMENTS, type Connection } from '../client/connection';
import { serverCommands, type Launch } from '../client/protocol';
import { editorSetting, SECTION } from '../client/settings';
import { requireOption } from './launch';

const VARIABLE = 'NODE_OPTIONS';

export class TerminalInjection implements vscode.Disposable {
  private readonly item: vscode.LanguageStatusItem;
  private readonly parts: vscode.Disposable;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly connection: Connection,
  ) {
    // Kept by the editor, so that terminals that are restored at its next start are served, too.
    context.environmentVariableCollection.persistent = true;
    this.item = vscode.languages.createLanguageStatusItem('esmcache.terminals', DOCUMENTS);
    this.item.name = 'esmcache in terminals';
    this.parts = vscode.Disposable.from(
      this.item,
      connection.onDidChange(() => void this.update()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration(`${SECTION}.terminal.inject`)) void this.update();
      }),
    );
    void this.update();
  }

  /** Turn the setting on or off, where it is set; else for the user. */
  async toggle(): Promise<void> {
    const isServed = editorSetting('terminal.inject', false);
    const settings = vscode.workspace.getConfiguration(SECTION);
    const workspaces = settings.inspect('terminal.inject')?.workspaceValue !== undefined;
    await settings.update('terminal.inject', !isServed, !workspaces);
    await this.update();
  }

  dispose(): void {
    this.parts.dispose();
  }

  private async update(): Promise<void> {
    const variables = this.context.environmentVariableCollection;
    if (!editorSetting('terminal.inject', false) || !vscode.workspace.isTrusted) variables.clear();
    else if (variables.get(VARIABLE) === undefined && this.connection.state === 'running') {
      const hook = await this.hook();
      if (hook !== null) variables.append(VARIABLE, ` ${requireOption(hook)}`);
      variables.description =
        'Serves every `node` in this terminal from the esmcache cache (`esmcache.terminal.inject`).';
    }
    this.show(variables.get(VARIABLE) !== undefined);
  }

  /** Return the stable path of the preload, or null where the server has none. */
  private async hook(): Promise<string | null> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    if (folder === undefined) return null;
    try {
      return (await this.connection.execute<Launch>(serverCommands.launch, folder.toString())).hook;
    } catch (error) {
      this.connection.log.warn(`terminals are not served: ${String(error)}`);
      return null;
    }
  }

  private show(isServed: boolean): void {
    this.item.text = isServed ? 'node in terminals is served' : 'node in terminals runs natively';
    this.item.command = {
      command: 'esmcache.action.toggleTerminals',
      title: isServed ? 'Switch Off' : 'Serve',
    };
  }
}
