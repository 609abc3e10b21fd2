// VS Code as a user has it before them: opens the window, runs commands by their titles, and takes pictures.
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import type { FrameLocator, Locator, Page } from 'playwright-core';

import { startBrowser, type Browser } from '../../lab/browser.ts';
import { startPageLab, type Lab, type LabOptions } from '../../lab/visualStudioCode.ts';

const PROJECT = resolve(import.meta.dirname, '../../../..');
const PICTURES = join(PROJECT, 'editors/vscode/images');
const ARTEFACTS = join(PROJECT, '.cache/editors/screenshots');

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
    page.setDefaultTimeout(30_000);
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

  /** Wait until the status bar says what matches. */
  async waitForStatus(text: RegExp): Promise<void> {
    await this.statusItem.filter({ hasText: text }).waitFor();
  }

  /** Run a command as users do who know its title. */
  async command(title: string): Promise<void> {
    await this.choose('F1', `>${title}`, title);
  }

  async openFile(path: string): Promise<void> {
    await this.choose('Control+P', path, path.split('/').at(-1)!);
    await this.page.locator('.tab.active', { hasText: path.split('/').at(-1)! }).waitFor();
    await this.editorLines.first().click();
  }

  /** Put the cursor of the active editor behind so many characters of a line. */
  async goToLine(line: number, characters: number): Promise<void> {
    await this.choose('Control+G', `:${line}:${characters + 1}`, '');
    await this.editorLines.first().waitFor();
  }

  /** Wait until the terminal shows what matches; its text is drawn, so that it is read from the accessible copy. */
  async waitForTerminal(text: RegExp): Promise<void> {
    await this.page.locator('.xterm-rows, .xterm-accessibility').filter({ hasText: text }).first().waitFor();
  }

  /** Wait until nothing spins in the status bar. */
  async settle(): Promise<void> {
    await this.page.locator('.statusbar .codicon-modifier-spin, .statusbar .codicon-loading').first().waitFor({ state: 'hidden' });
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('Control+S');
    await this.page.locator('.tab.active:not(.dirty)').waitFor();
  }

  /** Keep a picture that the README shows, when the pictures are to be made anew; else it is an artefact. */
  async picture(name: string): Promise<void> {
    // Away from whatever shows a tooltip or lights up.
    await this.page.mouse.move(1050, 18);
    await this.page.locator('.workbench-hover').first().waitFor({ state: 'hidden' });
    if (process.env['PICTURES'] === '1') await this.shoot(join(PICTURES, `${name}.png`));
    else await this.artefact(name);
  }

  /** Keep a picture for whoever looks at what the tests saw. */
  async artefact(name: string): Promise<void> {
    await this.shoot(join(ARTEFACTS, `vscode-${name}.png`));
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.lab.stop();
  }

  /** Open the quick input, type, and take the first choice once it is the one that is meant. */
  private async choose(key: string, typed: string, meant: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget:visible');
    await widget.waitFor({ state: 'hidden' });
    await this.page.keyboard.press(key);
    await widget.locator('input[type="text"]').first().fill(typed);
    if (meant !== '') await widget.locator('.monaco-list-row.focused', { hasText: meant }).waitFor();
    await this.page.keyboard.press('Enter');
  }

  private async shoot(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path });
  }
}
