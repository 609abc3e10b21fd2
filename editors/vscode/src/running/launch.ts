// Asks the server how a program is started from the cache, and how it is started without.
import type * as vscode from 'vscode';

import { fileOrActive, saved } from '../commands/register';
import type { Connection } from '../client/connection';
import { serverCommands, type Launch } from '../client/protocol';

export interface Program {
  uri: vscode.Uri;
  launch: Launch;
}

/** Return how the file, or the active editor's, is started; it is saved first. */
export async function programToRun(connection: Connection, uri: vscode.Uri | undefined): Promise<Program> {
  const file = await saved(fileOrActive(uri));
  return { uri: file, launch: await connection.execute<Launch>(serverCommands.launch, file.toString()) };
}

/** Return the arguments before the file's name: flags of Node, the preload among them. */
export function flagsOf({ args }: Launch): string[] {
  return args.slice(0, -1);
}

/** Return the preload as an option in NODE_OPTIONS, quoted as Node reads it. */
export function requireOption(hook: string): string {
  return `--require "${hook.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Return the command line, quoted for a POSIX shell. */
export function commandLine({ executable, args, env }: Launch): string {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...assignments, ...[executable, ...args].map(quoted)].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
