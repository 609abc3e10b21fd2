// The values that pass between those who look for a server and those who start it.

/** Where a server was found, in the order in which they are tried. */
export type ServerOrigin = 'setting' | 'bundled' | 'python' | 'path' | 'installed';

export interface ServerCommand {
  origin: ServerOrigin;
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** Return how a server that is installed in an interpreter is started; -P keeps the workspace off the module path. */
export function moduleCommand(
  origin: ServerOrigin,
  interpreter: string,
  env: Record<string, string> = {},
): ServerCommand {
  return { origin, command: interpreter, args: ['-P', '-m', 'esmcache_lsp'], env };
}
