// A user opens, edits and saves a module, and sees its state.
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Workbench } from './workbench.ts';

const PROJECT = join(import.meta.dirname, '../project');
const MAIN = readFileSync(join(PROJECT, 'src/main.js'), 'utf8');
let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start({
    name: 'editing',
    fill: (workspace) => cpSync(PROJECT, workspace, { recursive: true }),
  });
});

beforeEach(async () => {
  await workbench.startAfresh({ 'src/main.js': MAIN });
  await workbench.openFile('src/main.js');
  // The server has reported everything about the file as it is now.
  await workbench.page.locator('.codelens-decoration', { hasText: 'esmcache: warm' }).waitFor();
  await workbench.waitForErrors(false);
  await workbench.waitForStatus(/4\/4 warm/);
});

after(() => workbench.stop());

test('a code lens stands above the first line, and the status bar says that everything is warm', async () => {
  await workbench.artefact('editing');
});

test('a wrong import is underlined once it is typed, and no more when it is mended', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./'.length);
  await page.keyboard.type('x');
  await workbench.waitForErrors(true);
  await workbench.save();
  await workbench.artefact('unresolved-import');
  await page.keyboard.press('Backspace');
  await workbench.waitForErrors(false);
  await workbench.save();
  await workbench.waitForStatus(/4\/4 warm/);
});

test('a specifier without its extension is mended by the quick fix', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./greeting'.length);
  // One edit removes all three characters, since a shorter extension would be another error.
  for (const _ of '.js') await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Delete');
  await workbench.waitForErrors(true);
  const fix = page.locator('.action-widget .monaco-list-row', { hasText: 'Change to "./greeting.js"' });
  await workbench.until(fix, () => page.keyboard.press('Control+.'));
  await workbench.artefact('quick-fix');
  await fix.click();
  await workbench.waitForErrors(false);
  await workbench.save();
});

test('a hover says what an import leads to', async () => {
  const { page } = workbench;
  await workbench.goToLine(1, 'import { greeting } from "./gre'.length);
  const hover = page.locator('.monaco-hover:visible', { hasText: 'greeting.js' }).filter({ hasText: 'cache: warm' });
  await workbench.until(hover, () => workbench.command('Show or Focus Hover'));
  await workbench.picture('hover');
});

test('the menu of the status item offers what can be done', async () => {
  const { page } = workbench;
  const choices = page.locator('.quick-input-list .monaco-list-row');
  await workbench.until(choices.filter({ hasText: 'Run with Cache' }), () => workbench.statusItem.click());
  await choices.filter({ hasText: 'Warm Workspace' }).waitFor();
  await workbench.artefact('menu');
});
