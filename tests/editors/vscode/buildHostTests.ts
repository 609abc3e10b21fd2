// Bundles the tests that run in the extension host; mocha stays outside, since it loads files of its own.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const HERE = import.meta.dirname;
const PACKAGES = resolve(HERE, '../../../editors/vscode/node_modules');

/** Return the path of the bundle, whose `run()` runs all tests. */
export async function buildHostTests(folder: string): Promise<string> {
  const { build } = createRequire(PACKAGES)(join(PACKAGES, 'esbuild')) as typeof import('esbuild');
  const mocha = join(PACKAGES, 'mocha');
  const outfile = join(folder, 'index.js');
  await build({
    entryPoints: [join(HERE, 'host/index.ts')],
    alias: { mocha },
    bundle: true,
    external: ['vscode', mocha],
    format: 'cjs',
    logLevel: 'warning',
    outfile,
    platform: 'node',
    sourcemap: 'inline',
    target: 'node22',
  });
  return outfile;
}
