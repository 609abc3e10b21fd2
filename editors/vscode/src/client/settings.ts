// Reads the settings, and tells those that only the user may choose from those that a project may.
import * as vscode from 'vscode';

export const SECTION = 'esmcache';

/**
 * Settings that name a directory or a program, or say how much of the machine is used: taken from the user's own
 * settings, whatever a workspace says.
 */
const USER_ALONE = ['cacheDir', 'node', 'path', 'jobs', 'maxSize'] as const;
/** Settings of this extension, of which the server knows nothing. */
const EDITOR_ONLY = ['path', 'statusBar', 'terminal', 'compareRuns'];

/** Return a setting as the user chose it, or null; what a workspace says about it is not heeded. */
export function userSetting(name: 'cacheDir' | 'node' | 'path'): string | null {
  const chosen = userValue(name);
  return typeof chosen === 'string' && chosen !== '' ? chosen : null;
}

/** Return a setting of this extension. */
export function editorSetting<Value>(
  name: 'statusBar' | 'terminal.inject' | 'compareRuns' | 'trace.server',
  otherwise: Value,
): Value {
  return vscode.workspace.getConfiguration(SECTION).get<Value>(name, otherwise);
}

/** Return what the server is told when it starts; the only way by which it learns of what is the user's alone. */
export function initializationOptions(): Record<string, unknown> {
  const settings = serverSettings(vscode.workspace.getConfiguration(SECTION));
  return {
    ...settings,
    cacheDir: userSetting('cacheDir'),
    node: userSetting('node'),
    jobs: userValue('jobs') ?? null,
    maxSize: userValue('maxSize') ?? null,
    trusted: vscode.workspace.isTrusted,
  };
}

/** Return a section as the server knows it: plain values, without what is the user's alone or this extension's. */
export function serverSettings(section: object): Record<string, unknown> {
  const hidden = new Set<string>([...USER_ALONE, ...EDITOR_ONLY, 'trace']);
  const settings = Object.entries(section).filter(([name, value]) => !hidden.has(name) && typeof value !== 'function');
  // The server's setting `trace` has the name here that VS Code has for it in every extension.
  return { ...Object.fromEntries(settings), trace: editorSetting('trace.server', 'off') };
}

/** Return whether a change concerns what is fixed when the server is started. */
export function needsRestart(change: vscode.ConfigurationChangeEvent): boolean {
  return USER_ALONE.some((name) => change.affectsConfiguration(`${SECTION}.${name}`));
}

function userValue(name: (typeof USER_ALONE)[number]): unknown {
  return vscode.workspace.getConfiguration(SECTION).inspect(name)?.globalValue;
}
