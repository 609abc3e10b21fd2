// Installs the server into a virtual environment of the extension's own, when the user asks for it.
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import { findPython } from './executables';

const run = promisify(execFile);

/** Return the interpreter of the extension's own environment, whether or not it is there. */
export function installedInterpreter(context: vscode.ExtensionContext): string {
  const [folder, name] = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
  return join(environmentPath(context), folder, name);
}

/** Install the server anew; raises with what pip said where that fails. */
export async function installServer(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<void> {
  const python = await findPython(null, 'import venv, ensurepip');
  if (python === null) throw new Error('no Python 3.11 or newer with venv was found on PATH');
  const environment = environmentPath(context);
  await rm(environment, { recursive: true, force: true });
  await vscode.workspace.fs.createDirectory(context.globalStorageUri);
  log.info(`installing the server into ${environment} with ${python}`);
  await run(python, ['-m', 'venv', environment]);
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', await whatToInstall(context)];
  const { stdout, stderr } = await run(installedInterpreter(context), pip);
  log.info(`installed\n${stdout}${stderr}`);
}

/** Return the wheel that came with the extension, else the name by which pip finds one. */
async function whatToInstall(context: vscode.ExtensionContext): Promise<string> {
  const folder = join(context.extensionPath, 'bundled', 'wheel');
  const files = await readdir(folder).catch(() => []);
  const wheel = files.find((name) => name.endsWith('.whl'));
  return wheel === undefined ? 'esmcache' : join(folder, wheel);
}

function environmentPath(context: vscode.ExtensionContext): string {
  return join(context.globalStorageUri.fsPath, 'environment');
}
