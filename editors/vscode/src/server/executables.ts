// Finds programs on PATH and asks interpreters what they can do; starts nothing else.
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

const PYTHONS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
const isWindows = process.platform === 'win32';

/** Return the first of `names` on PATH, or null. Relative directories are passed over: they may be the workspace's. */
export async function findOnPath(...names: string[]): Promise<string | null> {
  for (const name of names) {
    for await (const found of onPath(name)) return found;
  }
  return null;
}

/** Return an interpreter, Python 3.11 or newer, that runs `program` without fault, or null. */
export async function findPython(
  preferred: string | null,
  program: string,
  env: Record<string, string> = {},
): Promise<string | null> {
  if (preferred !== null && (await runs(preferred, program, env))) return preferred;
  for (const name of PYTHONS) {
    for await (const interpreter of onPath(name)) {
      if (await runs(interpreter, program, env)) return interpreter;
    }
  }
  return null;
}

/** Return whether the interpreter is new enough and can run `program`. */
export function runs(interpreter: string, program: string, env: Record<string, string> = {}): Promise<boolean> {
  const code = `import sys; sys.exit(1) if sys.version_info < (3, 11) else None; ${program}`;
  // -c would put the current directory, perhaps a workspace's, on the module path.
  const options = { env: { ...process.env, ...env, PYTHONSAFEPATH: '1' }, timeout: 20_000 };
  return new Promise((done) => {
    execFile(interpreter, ['-c', code], options, (error) => done(error === null));
  });
}

async function* onPath(name: string): AsyncGenerator<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const file = join(directory, isWindows ? `${name}.exe` : name);
    if (await isExecutable(file)) yield file;
  }
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
