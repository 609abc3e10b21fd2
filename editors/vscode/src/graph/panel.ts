// The panel "Module Graph": asks the server for a graph, hands it to the page, and opens what is clicked there.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import type { FromPage, KeptState, ToPage } from './messages';
import { pageHtml } from './pageHtml';
import { printable } from '../text';

const VIEW_TYPE = 'esmcache.graph';

export class GraphPanel implements vscode.Disposable, vscode.WebviewPanelSerializer<KeptState> {
  private panel: vscode.WebviewPanel | undefined;
  private uri: vscode.Uri | undefined;
  private isReady = false;
  private shownStatus = '';
  private readonly parts: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly connection: Connection,
  ) {
    this.parts = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this),
      connection.onDidChange(() => this.follow()),
    );
  }

  /** Show the graph of what the file reaches, or of all entry points. */
  async show(uri: vscode.Uri | undefined): Promise<void> {
    this.uri = uri;
    if (this.panel === undefined) {
      const { Active } = vscode.ViewColumn;
      this.take(vscode.window.createWebviewPanel(VIEW_TYPE, 'Module Graph', Active, { retainContextWhenHidden: true }));
    } else {
      this.panel.reveal();
      if (this.isReady) await this.send();
    }
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: KeptState | undefined): Promise<void> {
    const kept = state?.uri;
    this.uri = typeof kept === 'string' ? vscode.Uri.parse(kept) : undefined;
    this.take(panel);
  }

  dispose(): void {
    this.parts.dispose();
    this.panel?.dispose();
  }

  private take(panel: vscode.WebviewPanel): void {
    this.panel?.dispose();
    this.panel = panel;
    this.isReady = false;
    const folder = vscode.Uri.joinPath(this.extensionUri, 'dist');
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'graph.svg');
    panel.webview.options = { enableScripts: true, localResourceRoots: [folder] };
    panel.webview.onDidReceiveMessage((message: FromPage) => this.receive(message));
    panel.onDidDispose(() => {
      if (this.panel === panel) this.panel = undefined;
    });
    panel.webview.html = pageHtml(panel.webview, folder);
  }

  private async receive(message: FromPage): Promise<void> {
    if (message.type === 'open') {
      await vscode.window.showTextDocument(vscode.Uri.parse(message.uri), {
        viewColumn: vscode.ViewColumn.Beside,
        preview: true,
      });
      return;
    }
    this.isReady = true;
    await this.send();
  }

  private async send(): Promise<void> {
    const panel = this.panel;
    if (panel === undefined) return;
    const title = this.uri === undefined ? 'all entry points' : printable(vscode.workspace.asRelativePath(this.uri));
    panel.title = this.uri === undefined ? 'Module Graph' : `Graph: ${title.split('/').at(-1)}`;
    await panel.webview.postMessage(await this.message(title));
  }

  private async message(title: string): Promise<ToPage> {
    try {
      return { type: 'graph', title, graph: await this.connection.graph(this.uri) };
    } catch (error) {
      return { type: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Draw anew what was drawn when the server has come to rest with other figures. */
  private follow(): void {
    const { state, status } = this.connection;
    if (state !== 'running' || status?.quiescent === false) return;
    const seen = JSON.stringify(status);
    if (seen === this.shownStatus) return;
    this.shownStatus = seen;
    if (this.isReady) void this.send();
  }
}
