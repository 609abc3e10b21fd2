// The tree, the module graph and the terminal, on a program of some 1,500 modules.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { Workbench } from './workbench.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../../../examples/dashboard');
let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start({
    name: 'views',
    fill: (workspace) => cpSync(EXAMPLE, workspace, { recursive: true, verbatimSymlinks: true }),
    settings: { 'workbench.colorTheme': 'Default Dark Modern', 'editor.minimap.enabled': false },
  });
  await workbench.waitForStatus(/^\s*(\d+)\/\1 warm/);
});

beforeEach(async () => {
  await workbench.startAfresh();
  await workbench.openFile('src/main.js');
  await workbench.command('Focus on ESM Cache View');
  await workbench.treeRows.filter({ hasText: 'src/main.js' }).waitFor();
});

after(() => workbench.stop());

test('the tree lists packages, and the modules of the workspace with their states', async () => {
  await workbench.treeRows.filter({ hasText: 'lodash-es' }).waitFor();
  await workbench.settle();
  await workbench.page.locator('.codelens-decoration', { hasText: 'esmcache: warm' }).waitFor();
  await workbench.picture('modules');
});

test('a module of the tree opens by a click', async () => {
  await workbench.treeRows.filter({ hasText: 'src/metrics/summary.js' }).click();
  await workbench.page.locator('.tab.active', { hasText: 'summary.js' }).waitFor();
});

test('an inline action explains a module', async () => {
  const row = workbench.treeRows.filter({ hasText: 'src/views/map.js' });
  // The tree is drawn again when the server has finished its work, so a click may miss.
  await workbench.until(workbench.page.locator('.tab.active', { hasText: 'map.js' }), async () => {
    await row.hover();
    await row.locator('[aria-label="Explain"]').click();
  });
  await workbench.panel.locator('h1', { hasText: 'src/views/map.js' }).waitFor();
  await workbench.artefact('explanation');
});

test('the filter leaves what is not warm, which is nothing', async () => {
  await workbench.page.locator('.sidebar [aria-label="Show Only Stale and Cold Modules"]').first().click();
  await workbench.page.locator('.sidebar', { hasText: 'Every module is warm.' }).waitFor();
  await workbench.page.locator('.sidebar .action-label[aria-label="Show All Modules"]').first().click();
  await workbench.treeRows.filter({ hasText: 'src/main.js' }).waitFor();
});

test('the module graph shows every module, finds one, and opens it', async () => {
  const { panel: graph, page } = workbench;
  await workbench.command('Show Module Graph of the Workspace');
  await graph.locator('body[data-layout="settled"]').waitFor();
  const shown = /([\d,]+) modules/.exec((await graph.locator('#counts').textContent()) ?? '');
  assert.ok(Number(shown?.[1]?.replace(',', '')) > 1000, `${shown?.[0]}`);
  await workbench.picture('graph');
  await graph.locator('#search').fill('schemas.js');
  await graph.locator('#found button').first().waitFor();
  await workbench.artefact('graph-search');
  await page.keyboard.press('Enter');
  await graph.locator('#selected', { hasText: 'schemas.js' }).waitFor();
  await workbench.artefact('graph-focus');
  await graph.locator('#found button').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('.tab', { hasText: 'schemas.js' }).waitFor();
});

test('run with cache prints how long it took, and a comparison the ratio', async () => {
  await workbench.openFile('src/main.js');
  await workbench.command('Run with Cache');
  await workbench.waitForTerminal(/esmcache: [\d.]+ m?s with the cache/);
  await workbench.command('Compare Start with and without the Cache');
  await workbench.waitForTerminal(/with the cache, [\d.]+ m?s without: [\d.]+ × as fast/);
  await workbench.picture('compare');
});

test('the same in a light theme', async () => {
  await workbench.command('Preferences: Toggle between Light/Dark Themes');
  await workbench.command('Show Module Graph of the Workspace');
  await workbench.panel.locator('body[data-layout="settled"]').waitFor();
  await workbench.artefact('graph-light');
});

test('statistics are shown', async () => {
  await workbench.command('Show Statistics');
  await workbench.page.locator('.tab.active', { hasText: 'statistics' }).waitFor();
  await workbench.panel.locator('td', { hasText: 'lodash-es' }).waitFor();
  await workbench.artefact('statistics');
});
