// The language status item beside the language's name: server and cache, and a second one while terminals are served.
import * as vscode from 'vscode';

import { DOCUMENTS, type Connection } from '../client/connection';
import { describe } from './describe';

/** Show the state of the cache and return what removes it again. */
export function languageStatus(connection: Connection): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem('esmcache.status', DOCUMENTS);
  item.name = 'esmcache';
  item.command = { command: 'esmcache.action.showMenu', title: 'Menu' };
  const show = (): void => {
    const { line, details, severity, busy } = describe(connection);
    item.text = line;
    item.detail = details.at(-1)?.replaceAll('`', '') ?? '';
    item.severity = severity;
    item.busy = busy;
  };
  show();
  return vscode.Disposable.from(item, connection.onDidChange(show));
}
