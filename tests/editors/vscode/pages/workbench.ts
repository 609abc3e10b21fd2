// Uses VS Code as a user does: opens the window, runs commands by their titles, and takes pictures.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import type { FrameLocator, Locator, Page } from 'playwright-core';

import { startBrowser, type Browser } from '../../lab/browser.ts';
import { startPageLab, type Lab, type LabOptions } from '../../lab/visualStudioCode.ts';

const PROJECT = resolve(import.meta.dirname, '../../../..');
const PICTURES = join(PROJECT, 'editors/vscode/images');
const ARTEFACTS = join(PROJECT, '.cache/editors/screenshots');
// A busy machine is slow.
const LIMIT_MS = 120_000;
// Actions that came too early are repeated, and each attempt waits longer than the last.
const FIRST_LOOK_MS = 2_000;

export class Workbench {
  readonly page: Page;
  private readonly lab: Lab;
  private readonly browser: Browser;

  private constructor(lab: Lab, browser: Browser, page: Page) {
    this.lab = lab;
    this.browser = browser;
    this.page = page;
  }

  /** Return a window on a new workspace. */
  static async start(options: LabOptions, viewport = { width: 1280, height: 800 }): Promise<Workbench> {
    const lab = await startPageLab(options);
    const browser = await startBrowser(viewport);
    const page = await browser.context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    await page.goto(`${lab.url}/?folder=${encodeURIComponent(lab.workspace)}`);
    const workbench = new Workbench(lab, browser, page);
    await page.locator('.monaco-workbench').waitFor();
    return workbench;
  }

  get workspace(): string {
    return this.lab.workspace;
  }

  get statusItem(): Locator {
    return this.page.locator('[id="esmcache.esmcache.esmcache.statusBar"], [id="esmcache.statusBar"]').first();
  }

  get editorLines(): Locator {
    return this.page.locator('.editor-instance .view-lines');
  }

  /** The rows of the tree "ESM cache". */
  get treeRows(): Locator {
    return this.page.locator('.sidebar [role="treeitem"]');
  }

  /** The page inside the panel that is open: the module graph, or a preview. */
  get panel(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready:visible').frameLocator('iframe#active-frame');
  }

  /** Close everything that is open, so that each test starts alike, and restore the texts of `files`. */
  async startAfresh(files: Record<string, string> = {}): Promise<void> {
    // Each key closes one thing: a menu, a hover, a quick input or a suggestion.
    for (let open = 0; open < 3; open++) await this.page.keyboard.press('Escape');
    while ((await this.page.locator('.tab.dirty').count()) > 0) {
      await this.page.locator('.tab.dirty').first().click();
      await this.command('View: Revert and Close Editor');
    }
    await this.command('View: Close All Editors');
    await this.page.locator('.tab').first().waitFor({ state: 'detached' });
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.workspace, path);
      if (readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
    }
  }

  /** Call `show` until `shown` is visible: a view stays empty if the server has not answered yet. */
  async until(shown: Locator, show: () => Promise<void>): Promise<void> {
    const end = Date.now() + LIMIT_MS;
    for (let timeout = FIRST_LOOK_MS; ; timeout *= 2) {
      await show();
      const isShown = await shown
        .first()
        .waitFor({ timeout })
        .then(
          () => true,
          () => false,
        );
      if (isShown) return;
      if (Date.now() > end) throw new Error(`never shown: ${String(shown)}`);
      await this.page.keyboard.press('Escape');
    }
  }

  /** Wait until the server has said that the active editor's file has errors, or none. */
  async waitForErrors(expected: boolean): Promise<void> {
    const state = expected ? 'visible' : 'detached';
    await this.page.locator('.squiggly-error').first().waitFor({ state });
  }

  /** Wait until the status bar matches. */
  async waitForStatus(text: RegExp): Promise<void> {
    await this.statusItem.filter({ hasText: text }).waitFor();
  }

  /** Run a command by its title. */
  async command(title: string): Promise<void> {
    await this.choose('F1', `>${title}`, title);
  }

  async openFile(path: string): Promise<void> {
    await this.choose('Control+P', path, path.split('/').at(-1)!);
    await this.page.locator('.tab.active', { hasText: path.split('/').at(-1)! }).waitFor();
    await this.editorLines.first().click();
  }

  /** Put the cursor of the active editor after the given number of characters of a line. */
  async goToLine(line: number, characters: number): Promise<void> {
    const position = this.page.locator('[id="status.editor.selection"]', {
      hasText: `Ln ${line}, Col ${characters + 1}`,
    });
    await this.until(position, () => this.choose('Control+G', `:${line}:${characters + 1}`, ''));
  }

  /** Wait until the terminal's text matches; if the terminal is drawn, its accessible copy is read. */
  async waitForTerminal(text: RegExp): Promise<void> {
    await this.page.locator('.xterm-rows, .xterm-accessibility').filter({ hasText: text }).first().waitFor();
  }

  /** Wait until nothing spins in the status bar. */
  async settle(): Promise<void> {
    await this.page
      .locator('.statusbar .codicon-modifier-spin, .statusbar .codicon-loading')
      .first()
      .waitFor({ state: 'hidden' });
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('Control+S');
    await this.page.locator('.tab.active:not(.dirty)').waitFor();
  }

  /** Take a picture for the README if PICTURES is 1, or else an artefact. */
  async picture(name: string): Promise<void> {
    // Nothing under this point shows a tooltip or a highlight.
    await this.page.mouse.move(1050, 18);
    await this.page.locator('.workbench-hover').first().waitFor({ state: 'hidden' });
    if (process.env.PICTURES === '1') await this.shoot(join(PICTURES, `${name}.png`));
    else await this.artefact(name);
  }

  /** Keep a picture of what a test saw. */
  async artefact(name: string): Promise<void> {
    await this.shoot(join(ARTEFACTS, `vscode-${name}.png`));
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.lab.stop();
  }

  /**
   * Open the quick input, type, and take the first choice once it is the one that is meant.
   *
   * The list does not change while it is open: commands that are registered later are in the next one.
   */
  private async choose(key: string, typed: string, meant: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget:visible');
    const choice = widget.locator('.monaco-list-row.focused', { hasText: meant });
    const open = async (): Promise<void> => {
      await widget.waitFor({ state: 'hidden' });
      // A window that is still loading ignores keys.
      await this.until(widget, () => this.page.keyboard.press(key));
      await widget.locator('input[type="text"]').first().fill(typed);
    };
    if (meant === '') await open();
    else await this.until(choice, open);
    await this.page.keyboard.press('Enter');
  }

  private async shoot(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path });
  }
}
