// Decides which server is started. In a workspace that is not trusted nothing counts that it could have chosen.
import { join } from 'node:path';
import * as vscode from 'vscode';

import { userSetting } from '../client/settings';
import { findOnPath, findPython, isExecutable, runs } from './executables';
import { installedInterpreter } from './ownEnvironment';
import { selectedInterpreter } from './pythonExtension';
import { moduleCommand, type ServerCommand } from './serverCommand';

// Compiled parts differ by version of Python; an interpreter for which none is bundled fails here.
const BUNDLE_LOADS = 'import msgspec, regex, tree_sitter, tree_sitter_javascript, esmcache_lsp';
const HAS_SERVER = 'import importlib.util; sys.exit(importlib.util.find_spec("esmcache_lsp") is None)';

/** Return the server to start, or null if there is none; raises if the setting names one that cannot be started. */
export async function findServer(context: vscode.ExtensionContext): Promise<ServerCommand | null> {
  const trusted = vscode.workspace.isTrusted;
  const interpreter = trusted ? await selectedInterpreter() : null;
  // Who works on the extension works on the server, too, and .vscode/launch.json puts that on PATH.
  const developing = context.extensionMode === vscode.ExtensionMode.Development;
  return (
    (trusted ? await configuredServer() : null) ??
    (developing ? await serverOnPath() : null) ??
    (await bundledServer(context, interpreter)) ??
    (interpreter !== null && (await runs(interpreter, HAS_SERVER)) ? moduleCommand('python', interpreter) : null) ??
    (await serverOnPath()) ??
    (await installedServer(context))
  );
}

async function configuredServer(): Promise<ServerCommand | null> {
  const path = userSetting('path');
  if (path === null) return null;
  if (await isExecutable(path)) return { origin: 'setting', command: path, args: [], env: {} };
  throw new Error(`the setting esmcache.path names ${path}, which cannot be run`);
}

async function bundledServer(
  context: vscode.ExtensionContext,
  interpreter: string | null,
): Promise<ServerCommand | null> {
  const libraries = join(context.extensionPath, 'bundled', 'libs');
  if (!(await isExecutable(libraries))) return null;
  const env = { PYTHONPATH: libraries };
  const python = await findPython(interpreter, BUNDLE_LOADS, env);
  return python === null ? null : moduleCommand('bundled', python, env);
}

async function serverOnPath(): Promise<ServerCommand | null> {
  const found = await findOnPath('esmcache-lsp');
  return found === null ? null : { origin: 'path', command: found, args: [], env: {} };
}

async function installedServer(context: vscode.ExtensionContext): Promise<ServerCommand | null> {
  const interpreter = installedInterpreter(context);
  return (await isExecutable(interpreter)) && (await runs(interpreter, HAS_SERVER))
    ? moduleCommand('installed', interpreter)
    : null;
}
