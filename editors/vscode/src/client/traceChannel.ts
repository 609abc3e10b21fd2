// Lets the setting `trace.server` alone decide whether the client logs its messages.
import * as vscode from 'vscode';

import { editorSetting, SECTION } from './settings';

/**
 * Return a channel that writes the client's trace into the log.
 *
 * The client library traces only if its channel has the level Trace, which a user sets outside of the settings. So this
 * channel has that level whenever the setting is on, and it writes at a level that the log shows by default.
 */
export function traceChannel(log: vscode.LogOutputChannel): vscode.LogOutputChannel {
  const level = (): vscode.LogLevel =>
    editorSetting('trace.server', 'off') === 'off' ? vscode.LogLevel.Off : vscode.LogLevel.Trace;
  const onDidChangeLogLevel: vscode.Event<vscode.LogLevel> = (listener, context, disposables) =>
    vscode.workspace.onDidChangeConfiguration(
      (change) => {
        if (change.affectsConfiguration(`${SECTION}.trace.server`)) listener.call(context, level());
      },
      undefined,
      disposables,
    );
  return Object.create(log, {
    logLevel: { get: level },
    onDidChangeLogLevel: { value: onDidChangeLogLevel },
    trace: { value: (message: string, ...details: unknown[]) => log.info(message, ...details) },
  }) as vscode.LogOutputChannel;
}
