// A folder that the user has not trusted yet: its modules are analysed, and nothing of it gets into the cache.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Workbench } from './workbench.ts';

const PROJECT = join(import.meta.dirname, '../project');
const MAIN = readFileSync(join(PROJECT, 'src/main.js'), 'utf8');
let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start({
    name: 'untrusted',
    fill: (workspace) => {
      cpSync(PROJECT, workspace, { recursive: true });
      writeFileSync(join(workspace, 'src/main.js'), MAIN.replace('./greeting.js', './greting.js'));
    },
    untrusted: true,
  });
});

after(() => workbench.stop());

test('nothing is cached until the user trusts it, and then everything', async () => {
  const { page } = workbench;
  await workbench.openFile('src/main.js');
  await workbench.waitForErrors(true);
  await page.locator('[id$="esmcache.statusBar"][aria-label*="not trusted"]').first().waitFor();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type(' ');
  await workbench.save();
  await workbench.waitForErrors(true);
  await workbench.artefact('untrusted');
  assert.equal(existsSync(join(workbench.workspace, '../cache')), false);

  await workbench.command('Workspaces: Manage Workspace Trust');
  await page
    .locator('.workspace-trust-editor')
    .getByRole('button', { name: /^Trust/ })
    .first()
    .click();
  await workbench.startAfresh({ 'src/main.js': MAIN });
  await workbench.waitForStatus(/4\/4 warm/);
});
