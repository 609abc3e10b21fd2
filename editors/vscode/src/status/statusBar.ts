// The item in the status bar: how many modules are warm, a spinner while something is, a colour when something is wrong.
import * as vscode from 'vscode';

import type { Connection } from '../client/connection';
import { editorSetting, SECTION } from '../client/settings';
import { escaped } from '../text';
import { describe } from './describe';

/** Show the item, as long as the setting says so, and return what removes it. */
export function statusBar(connection: Connection): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('esmcache.statusBar', vscode.StatusBarAlignment.Right, 90);
  item.name = 'esmcache';
  item.command = 'esmcache.action.showMenu';
  const show = (): void => {
    const { short, line, details, severity } = describe(connection);
    item.text = short;
    item.tooltip = new vscode.MarkdownString(['**esmcache**', escaped(line), ...details].join('\n\n'));
    item.accessibilityInformation = { label: `esmcache: ${line}` };
    item.backgroundColor = background(severity);
    if (editorSetting('statusBar', true)) item.show();
    else item.hide();
  };
  show();
  return vscode.Disposable.from(
    item,
    connection.onDidChange(show),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(`${SECTION}.statusBar`)) show();
    }),
  );
}

function background(severity: vscode.LanguageStatusSeverity): vscode.ThemeColor | undefined {
  if (severity === vscode.LanguageStatusSeverity.Error) return new vscode.ThemeColor('statusBarItem.errorBackground');
  if (severity === vscode.LanguageStatusSeverity.Warning) {
    return new vscode.ThemeColor('statusBarItem.warningBackground');
  }
  return undefined;
}
