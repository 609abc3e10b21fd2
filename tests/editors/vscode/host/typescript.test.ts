// TypeScript, with VS Code's own TypeScript server beside the extension's.
import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

import type { Connection } from '../../../../editors/vscode/src/client/connection';
import { serverCommands } from '../../../../editors/vscode/src/client/protocol';
import type { Measurement } from '../../../../editors/vscode/src/running/timedRun';
import {
  codeActions,
  debugUpTo,
  diagnosticCodes,
  eventually,
  inWorkspace,
  openFile,
  rewrite,
  servedAtLatestStart,
  settled,
} from './support';

const APP = `\
import { area, type Shape } from './shapes.ts';

const square: Shape = { side: 3 };
console.log(area(square));
`;
const SHAPES = `\
export interface Shape {
  side: number;
}

export const area = ({ side }: Shape): number => side ** 2;
`;
const VIEW = `\
import type { Shape } from './shapes.ts';

export const view = ({ side }: Shape) => <b>{side}</b>;
`;
const FILES = {
  'app.ts': APP,
  'shapes.ts': SHAPES,
  'tsconfig.json': JSON.stringify({
    compilerOptions: { allowImportingTsExtensions: true, jsx: 'preserve', module: 'nodenext', noEmit: true },
  }),
  'view.tsx': VIEW,
};

describe('A TypeScript module', () => {
  const uri = inWorkspace('typed/app.ts');
  let connection: Connection;
  let editor: vscode.TextEditor;
  const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('js/ts');

  before(async () => {
    connection = await settled();
    for (const [name, text] of Object.entries(FILES)) {
      await vscode.workspace.fs.writeFile(inWorkspace(`typed/${name}`), Buffer.from(text));
    }
    editor = await openFile('typed/app.ts');
  });

  after(async () => {
    await settings().update('updateImportsOnFileMove.enabled', undefined, vscode.ConfigurationTarget.Global);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.workspace.fs.delete(inWorkspace('typed'), { recursive: true });
  });

  it('is cold until it is saved, and then warm', async () => {
    await eventually('new files are warm', async () => (await state(uri)) === 'warm');
    await connection.execute(serverCommands.clear);
    await eventually('it is cold', async () => (await state(uri)) === 'cold');
    assert.deepEqual(diagnosticCodes(uri), ['cache-cold']);
    await rewrite(editor, `${APP}// saved\n`);
    await eventually('it is warm', async () => (await state(uri)) === 'warm');
    await eventually('no diagnostic', () => diagnosticCodes(uri).length === 0);
  });

  it('shows syntax that Node does not strip, at its place', async () => {
    const wrong = 'enum Color { Red }';
    await rewrite(editor, `${APP}${wrong}\n`);
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('unsupported-typescript-syntax'));
    const [found] = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'esmcache');
    assert.equal(editor.document.getText(found!.range), wrong);
    await rewrite(editor, APP);
    await eventually('none', () => diagnosticCodes(uri).length === 0);
  });

  it('is mended by a quick fix where it imports a type as a value', async () => {
    await rewrite(editor, APP.replace('type Shape', 'Shape'));
    await eventually('a diagnostic', () => diagnosticCodes(uri).includes('missing-export'));
    const at = editor.document.positionAt(APP.indexOf('type Shape') + 1);
    let fix: vscode.CodeAction | undefined;
    await eventually('the fix is offered', async () => {
      fix = (await codeActions(uri, at)).find(({ title }) => title === 'Add type');
      return fix?.edit !== undefined;
    });
    await vscode.workspace.applyEdit(fix!.edit!);
    assert.equal(editor.document.getText(), APP);
    await editor.document.save();
    await eventually('none', () => diagnosticCodes(uri).length === 0);
  });

  it('is run from the cache', async () => {
    await vscode.commands.executeCommand('esmcache.action.warmFile', uri);
    const measured = await vscode.commands.executeCommand<Measurement>('esmcache.action.run', uri);
    assert.ok(measured.servedMilliseconds > 0);
    assert.equal(await servedAtLatestStart(), 2);
  });

  it('stops at a breakpoint, and was served', async () => {
    await debugUpTo(uri, 3);
    assert.equal(await servedAtLatestStart(), 2);
  });

  it('shows once what both servers find', async () => {
    const at = editor.document.positionAt(APP.indexOf('area'));
    // Only the TypeScript server knows the use in the last line.
    await eventually('three references', async () => {
      const found = await vscode.commands.executeCommand<vscode.Location[]>('vscode.executeReferenceProvider', uri, at);
      return found.length === 3;
    });
    const definitions = await vscode.commands.executeCommand<object[]>('vscode.executeDefinitionProvider', uri, at);
    assert.equal(definitions.length, 1);
  });

  it('has its imports edited once when files move, if the TypeScript server edits imports, too', async () => {
    const view = (await openFile('typed/view.tsx')).document;
    await settings().update('updateImportsOnFileMove.enabled', 'always', vscode.ConfigurationTarget.Global);
    for (const [from, to] of [
      ['typed/shapes.ts', 'typed/forms/shapes.ts'],
      ['typed/forms', 'typed/figures'],
    ] as const) {
      const edit = new vscode.WorkspaceEdit();
      edit.renameFile(inWorkspace(from), inWorkspace(to));
      assert.equal(await vscode.workspace.applyEdit(edit), true);
      const specifier = to === 'typed/figures' ? './figures/shapes.ts' : './forms/shapes.ts';
      // Only the TypeScript server edits TSX, and it does so last.
      await eventually('TSX is edited', () => view.getText() === VIEW.replace('./shapes.ts', specifier));
      assert.equal(editor.document.getText(), APP.replace('./shapes.ts', specifier));
      await vscode.workspace.saveAll();
    }
  });

  it('is left to others where it is TSX, which Node does not load', async () => {
    const view = inWorkspace('typed/view.tsx');
    await openFile('typed/view.tsx');
    await eventually('a hint', () => diagnosticCodes(view).includes('not-served'));
    const [found] = vscode.languages.getDiagnostics(view).filter(({ source }) => source === 'esmcache');
    assert.equal(found!.severity, vscode.DiagnosticSeverity.Hint);
    assert.match(found!.message, /Unknown file extension "\.tsx"/);
  });
});

/** Return the state of a file as its code lens says it. */
async function state(uri: vscode.Uri): Promise<string | undefined> {
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 10);
  const titles = lenses.map(({ command }) => /^esmcache: (\w+)/.exec(command?.title ?? '')?.[1]);
  return titles.find((title) => title !== undefined);
}
