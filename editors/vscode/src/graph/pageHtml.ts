// The page of the module graph: its elements, and a policy that lets nothing in but its own script and style.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Return the page; `folder` holds the bundled script and style. */
export function pageHtml(webview: vscode.Webview, folder: vscode.Uri): string {
  const nonce = randomBytes(18).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(folder, 'graph.js'));
  const style = webview.asWebviewUri(vscode.Uri.joinPath(folder, 'graph-style.css'));
  // The layout runs in a worker that its library makes of a blob.
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="stylesheet" href="${style.toString()}">
  <title>Module Graph</title>
</head>
<body>
  <header>
    <div id="title"><strong id="name">Module graph</strong> <span id="counts" role="status">loading…</span></div>
    <input id="search" type="search" placeholder="Search modules" aria-label="Search modules" autocomplete="off" spellcheck="false">
    <div id="states" role="group" aria-label="Which modules are shown"></div>
    <div id="buttons">
      <button id="fit" title="Show all of it">Fit</button>
      <button id="layout" title="Let the layout settle on, or hold it">Hold</button>
      <button id="reload" title="Ask the server again">Reload</button>
    </div>
  </header>
  <main>
    <div id="drawing" role="img" aria-label="Module graph; the search lists its modules"></div>
    <ol id="found" aria-label="Modules found" hidden></ol>
    <p id="message" role="alert" hidden></p>
    <aside id="selected" aria-live="polite" hidden></aside>
  </main>
  <script nonce="${nonce}" src="${script.toString()}"></script>
</body>
</html>`;
}
