// Bundles the extension, the page of the module graph, and the program that times a run:
// `node esbuild.mjs [--minify | --watch]`. Beside them it writes the licences of all packages of which something went in.
// With --watch it bundles again whenever a source changes, until it is stopped.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, context } from 'esbuild';

const minify = process.argv.includes('--minify');
const shared = {
  bundle: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  minify,
  outdir: 'dist',
  sourcemap: !minify,
};
const node = { ...shared, platform: 'node', format: 'cjs' };
const page = { ...shared, platform: 'browser', format: 'iife', target: 'chrome120' };

const bundles = [
  { ...node, entryPoints: { extension: 'src/extension.ts' }, target: 'node20', external: ['vscode'] },
  { ...node, entryPoints: { timedRun: 'src/running/timedRun.ts' }, target: 'node16' },
  { ...page, entryPoints: { graph: 'src/graph/page/main.ts', 'graph-style': 'src/graph/page/style.css' } },
];

if (process.argv.includes('--watch')) {
  const progress = reportProgress();
  await Promise.all(bundles.map(async (bundle) => (await context({ ...bundle, plugins: [progress] })).watch()));
} else {
  const results = await Promise.all(bundles.map((bundle) => build(bundle)));
  const packages = new Set(
    results
      .flatMap(({ metafile }) => Object.keys(metafile.inputs))
      .map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
      .filter((folder) => folder !== undefined),
  );
  writeFileSync('dist/licences.txt', [...packages].sort().map(licence).join('\n\n----\n\n'));
}

/** Return a plugin that prints when the first of the bundles begins and when the last is done; .vscode/tasks.json waits. */
function reportProgress() {
  let running = 0;
  return {
    name: 'report-progress',
    setup(bundle) {
      bundle.onStart(() => {
        if (running === 0) console.log('[watch] begin');
        running += 1;
      });
      bundle.onEnd(() => {
        running -= 1;
        if (running === 0) console.log('[watch] end');
      });
    },
  };
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file !== undefined ? readFileSync(join(folder, file), 'utf8') : '';
  return `${name} ${version}: ${license}\n\n${text}`.trim();
}
