// Runs a module of tests inside the extension host, where it has the whole `vscode` API.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';

import { startBrowser } from './browser.ts';
import type { Lab } from './visualStudioCode.ts';

/** The prefix of lines that the tests print; other lines of the window go into its log. */
const TEST_OUTPUT = '[test] ';

/** Return the exit code of `run()` in `testsPath`; `developmentPath` is the extension that the tests pose as. */
export async function runInHost(
  lab: Lab,
  { developmentPath, testsPath }: { developmentPath: string; testsPath: string },
): Promise<number> {
  const remote = (path: string): string => `vscode-remote://${new URL(lab.url).host}${path}`;
  const payload = [
    ['extensionDevelopmentPath', remote(developmentPath)],
    ['extensionTestsPath', remote(testsPath)],
    ['enableProposedApi', ''],
  ];
  const log = join(lab.folder, 'window.log');
  const browser = await startBrowser();
  try {
    const page = await browser.context.newPage();
    const exit = new Promise<number>((done) => {
      void page.exposeFunction('codeAutomationExit', (code: number) => done(code));
    });
    await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
      const line = format(...args);
      appendFileSync(log, `${line}\n`);
      if (line.startsWith(TEST_OUTPUT)) process.stdout.write(`${line.slice(TEST_OUTPUT.length)}\n`);
    });
    const query = new URLSearchParams({ folder: lab.workspace, payload: JSON.stringify(payload) });
    await page.goto(`${lab.url}/?${query.toString()}`);
    const code = await exit;
    await page.screenshot({ path: join(lab.folder, 'at-the-end.png') });
    return code;
  } finally {
    await browser.close();
  }
}
