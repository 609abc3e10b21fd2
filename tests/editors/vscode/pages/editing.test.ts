// Open, edit, save: what a user sees of a module's state while working on it.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Workbench } from './workbench.ts';

let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start({
    name: 'editing',
    fill: (workspace) => cpSync(join(import.meta.dirname, '../project'), workspace, { recursive: true }),
  });
  await workbench.openFile('src/main.js');
});

after(() => workbench.stop());

test('the status bar says that everything is warm', async () => {
  await workbench.waitForStatus(/4\/4 warm/);
});

test('a code lens stands above the first line', async () => {
  await workbench.page.locator('.codelens-decoration', { hasText: 'esmcache: warm' }).waitFor();
  await workbench.artefact('editing');
});

test('a wrong import is underlined once it is typed, and no more when it is mended', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./'.length);
  await page.keyboard.type('x');
  await page.locator('.squiggly-error').first().waitFor();
  await workbench.save();
  await workbench.artefact('unresolved-import');
  await page.keyboard.press('Backspace');
  await page.locator('.squiggly-error').first().waitFor({ state: 'detached' });
  await workbench.save();
  await workbench.waitForStatus(/4\/4 warm/);
});

test('a specifier without its extension is mended by the quick fix', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./greeting'.length);
  // In one edit: what is in between would be wrong in another way.
  for (const _ of '.js') await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Delete');
  await page.locator('.squiggly-error').first().waitFor();
  await page.keyboard.press('Control+.');
  const fix = page.locator('.action-widget .monaco-list-row', { hasText: 'Change to "./greeting.js"' });
  await fix.waitFor();
  await workbench.artefact('quick-fix');
  await fix.click();
  await page.locator('.squiggly-error').first().waitFor({ state: 'detached' });
  await workbench.save();
});

test('a hover says what an import leads to', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./gre'.length);
  await workbench.command('Show or Focus Hover');
  const hover = page.locator('.monaco-hover:visible', { hasText: 'greeting.js' });
  await hover.waitFor();
  assert.match(await hover.innerText(), /fresh|warm/i);
  await workbench.picture('hover');
  await page.keyboard.press('Escape');
});

test('the menu of the status item offers what can be done', async () => {
  const { page } = workbench;
  await workbench.statusItem.click();
  const choices = page.locator('.quick-input-list .monaco-list-row');
  await choices.filter({ hasText: 'Run with Cache' }).waitFor();
  await choices.filter({ hasText: 'Warm Workspace' }).waitFor();
  await workbench.artefact('menu');
  await page.keyboard.press('Escape');
});
