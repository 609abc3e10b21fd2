// Runs all tests of the extension: those in the extension host, then those with mouse and keyboard.
// `run.ts host` and `run.ts pages` run one kind; `run.ts pages NAME` one file of it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { buildHostTests } from './buildHostTests.ts';
import { runInHost } from '../lab/extensionHost.ts';
import { startTestLab } from '../lab/visualStudioCode.ts';

const [kind, name = ''] = process.argv.slice(2);
const HERE = import.meta.dirname;

async function hostTests(): Promise<boolean> {
  const developmentPath = resolve(HERE, '../../../.cache/editors/vscode/host-tests');
  mkdirSync(developmentPath, { recursive: true });
  copyFileSync(join(HERE, 'host/package.json'), join(developmentPath, 'package.json'));
  const testsPath = await buildHostTests(developmentPath);
  const lab = await startTestLab({
    name: 'host',
    fill: (workspace) => cpSync(join(HERE, 'project'), workspace, { recursive: true }),
  });
  try {
    return (await runInHost(lab, { developmentPath, testsPath })) === 0;
  } finally {
    await lab.stop();
  }
}

function pageTests(): boolean {
  const files = readdirSync(join(HERE, 'pages')).filter((file) => file.endsWith('.test.ts') && file.includes(name));
  const args = ['--test', '--test-concurrency=1', ...files.map((file) => join(HERE, 'pages', file))];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}

const passed: boolean[] = [];
if (kind !== 'pages') passed.push(await hostTests());
if (kind !== 'host') passed.push(pageTests());
process.exit(passed.every(Boolean) ? 0 : 1);
