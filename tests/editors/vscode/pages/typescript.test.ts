// A user writes TypeScript, with VS Code's own server beside the extension's.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Workbench } from './workbench.ts';

const FILES = {
  'package.json': JSON.stringify({ name: 'shapes', private: true, type: 'module', main: './src/main.ts' }),
  'tsconfig.json': JSON.stringify({
    compilerOptions: { allowImportingTsExtensions: true, module: 'nodenext', noEmit: true },
  }),
  'src/shapes.ts': `\
export interface Shape {
  width: number;
  height: number;
}

export const area = ({ width, height }: Shape): number => width * height;
`,
  'src/main.ts': `\
import { area, type Shape } from './shapes.ts';

enum Unit {
  Metre = 'm²',
}

const door: Shape = { width: 1, height: 2 };
console.log(area(door), Unit.Metre);
`,
};
let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start(
    {
      name: 'typescript',
      fill: (workspace) => {
        mkdirSync(join(workspace, 'src'));
        for (const [path, text] of Object.entries(FILES)) writeFileSync(join(workspace, path), text);
      },
      settings: { 'editor.minimap.enabled': false, 'workbench.colorTheme': 'Default Dark Modern' },
    },
    { width: 1280, height: 620 },
  );
});

after(() => workbench.stop());

test('syntax that Node cannot strip is underlined, and listed', async () => {
  await workbench.openFile('src/main.ts');
  await workbench.waitForErrors(true);
  await workbench.command('Problems: Focus on Problems View');
  await workbench.page.locator('.markers-panel', { hasText: 'unsupported-typescript-syntax' }).waitFor();
  await workbench.settle();
  await workbench.command('esmcache: Warm Workspace');
  await workbench.page.locator('.codelens-decoration', { hasText: 'esmcache: native' }).waitFor();
  await workbench.picture('typescript');
});
