import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import { codeActions, diagnosticCodes, eventually, inWorkspace, openFile, rewrite, settled } from './support';

describe('A module that is edited and saved', () => {
  const uri = inWorkspace('src/main.js');
  let sound: string;
  let editor: vscode.TextEditor;

  before(async () => {
    await settled();
    editor = await openFile('src/main.js');
    sound = editor.document.getText();
  });

  // The diagnostics of the previous test must be gone.
  beforeEach(async () => {
    await rewrite(editor, sound);
    await eventually('no diagnostic', () => diagnosticCodes(uri).length === 0);
  });

  after(() => rewrite(editor, sound));

  it('shows an unresolved import, which vanishes when it is mended', async () => {
    await rewrite(editor, sound.replace('./greeting.js', './greting.js'));
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('unresolved-import'));
    await rewrite(editor, sound);
    await eventually('none', () => diagnosticCodes(uri).length === 0);
  });

  it('shows a name that the other module does not export', async () => {
    await rewrite(editor, sound.replaceAll('greeting(', 'welcome(').replace('{ greeting }', '{ welcome }'));
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('missing-export'));
  });

  it('shows a syntax error before it is saved', async () => {
    const edit = new vscode.WorkspaceEdit();
    edit.insert(uri, new vscode.Position(0, 0), 'import { from;\n');
    await vscode.workspace.applyEdit(edit);
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('syntax-error'));
  });

  it('offers to mend a specifier without its extension', async () => {
    await rewrite(editor, sound.replace('./greeting.js', './greeting'));
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('unresolved-import'));
    const at = editor.document.positionAt(editor.document.getText().indexOf('./greeting') + 3);
    let fix: vscode.CodeAction | undefined;
    await eventually('the fix is offered', async () => {
      const actions = await codeActions(uri, at);
      fix = actions.find(({ edit }) => edit?.get(uri).some(({ newText }) => newText.includes('./greeting.js')));
      return fix?.edit !== undefined;
    });
    await vscode.workspace.applyEdit(fix!.edit!);
    assert.equal(editor.document.getText(), sound);
  });

  it('explains an import where the pointer rests on it', async () => {
    const at = editor.document.positionAt(sound.indexOf('./greeting.js') + 3);
    await eventually('a hover with the file and its state', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, at);
      const text = hovers
        .flatMap(({ contents }) => contents.map((part) => (part as vscode.MarkdownString).value))
        .join();
      return text.includes('greeting.js') && text.includes('cache: warm');
    });
  });

  it('leads from a specifier to the module', async () => {
    await eventually('a link', async () => {
      const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>('vscode.executeLinkProvider', uri, 10);
      return links.some(({ target }) => target?.path === inWorkspace('src/greeting.js').path);
    });
  });

  it('has a code lens with its state', async () => {
    await eventually('a lens', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 10);
      return lenses.some(({ command }) => command?.title.startsWith('esmcache: '));
    });
  });
});
