// Read-only Markdown documents: statistics, and why a file is or is not served. Shown as a preview.
import * as vscode from 'vscode';

const SCHEME = 'esmcache';

export class Reports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  readonly onDidChange = this.changed.event;

  /** Show `markdown` under `title`, in place of what was shown under it before. */
  async show(title: string, markdown: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.md` });
    this.texts.set(uri.toString(), markdown);
    this.changed.fire(uri);
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? 'This was shown in an earlier session. Run the command again.';
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
