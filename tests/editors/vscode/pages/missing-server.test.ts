// A package without its server, on a machine that has none: one message, one button, and it works.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Workbench } from './workbench.ts';

let workbench: Workbench;

before(async () => {
  workbench = await Workbench.start({
    name: 'missing-server',
    fill: (workspace) => cpSync(join(import.meta.dirname, '../project'), workspace, { recursive: true }),
    withoutServer: true,
  });
});

after(() => workbench.stop());

test('an error is shown, and its button installs the server', async () => {
  const { page } = workbench;
  const message = page.locator('.notification-toast', { hasText: 'no language server was found' });
  await message.waitFor();
  await workbench.artefact('missing-server');
  await message.getByRole('button', { name: 'Install' }).click();
  await workbench.waitForStatus(/4\/4 warm/);
});
