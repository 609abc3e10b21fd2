// VS Code with the packaged extension, served to a browser; everything it writes lies in one folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { freePort, startServer, type Started } from './processes.ts';

const LAB = import.meta.dirname;
const PROJECT = resolve(LAB, '../../..');
const CODE_SERVER = join(LAB, 'node_modules/code-server');
const EXTENSION = join(PROJECT, 'editors/vscode');

/** Settings without distractions: no welcome page, no trust dialog, no assistants, no telemetry. */
const QUIET_SETTINGS = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  // A terminal that the graphics card draws has no text in the page.
  'terminal.integrated.gpuAcceleration': 'off',
  'typescript.disableAutomaticTypeAcquisition': true,
  'update.mode': 'none',
  'workbench.enableExperiments': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

const UNTRUSTED_SETTINGS = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
};

export interface Lab {
  folder: string;
  url: string;
  /** The folder that the editor shows. */
  workspace: string;
  stop(): Promise<void>;
}

export interface LabOptions {
  /** A name for the folder in which everything lies. */
  name: string;
  /** Puts the files of the workspace into a new folder. */
  fill: (workspace: string) => void;
  settings?: Record<string, unknown>;
  /** Removes the server that comes with the extension. */
  withoutServer?: boolean;
  /** Opens the workspace as one that the user has not trusted yet; no dialog asks. */
  untrusted?: boolean;
}

/** Return a new lab whose extension tests are run by `runInHost`. */
export async function startTestLab(options: LabOptions): Promise<Lab> {
  const server = join(CODE_SERVER, 'lib/vscode/out/server-main.js');
  return start(options, server, (folder, port) => [
    ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms'],
    ...['--enable-smoke-test-driver', '--disable-workspace-trust', '--telemetry-level', 'off'],
    ...['--server-data-dir', join(folder, 'server')],
    ...placesOf(folder),
  ]);
}

/** Return a new lab for pictures, and for tests by mouse and keyboard. */
export async function startPageLab(options: LabOptions): Promise<Lab> {
  const server = join(CODE_SERVER, 'out/node/entry.js');
  return start(options, server, (folder, port) => [
    ...['--config', join(folder, 'config.yaml'), '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`],
    ...['--disable-telemetry', '--disable-update-check'],
    ...(options.untrusted === true ? [] : ['--disable-workspace-trust']),
    ...['--disable-getting-started-override'],
    ...placesOf(folder),
  ]);
}

async function start(
  { name, fill, settings = {}, withoutServer = false, untrusted = false }: LabOptions,
  server: string,
  argumentsFor: (folder: string, port: number) => string[],
): Promise<Lab> {
  const folder = join(PROJECT, '.cache/editors/vscode', name);
  rmSync(folder, { recursive: true, force: true });
  const workspace = join(folder, 'workspace');
  for (const made of ['User', 'Machine']) mkdirSync(join(folder, 'user', made), { recursive: true });
  mkdirSync(workspace);
  fill(workspace);
  writeFileSync(join(folder, 'config.yaml'), '');
  const userSettings = {
    ...QUIET_SETTINGS,
    ...(untrusted ? UNTRUSTED_SETTINGS : {}),
    'esmcache.cacheDir': join(folder, 'cache'),
    'esmcache.node': join(PROJECT, '.cache/node/node24'),
    ...settings,
  };
  for (const made of ['User', 'Machine']) {
    writeFileSync(join(folder, 'user', made, 'settings.json'), JSON.stringify(userSettings, null, 2));
  }
  const env = environmentIn(folder);
  installExtension(folder, env);
  if (withoutServer) {
    const [extension] = readdirSync(join(folder, 'extensions')).filter((found) => found.startsWith('esmcache.'));
    rmSync(join(folder, 'extensions', extension!, 'bundled/libs'), { recursive: true });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const started: Started = await startServer(process.execPath, [server, ...argumentsFor(folder, port)], {
    env,
    log: join(folder, 'server.log'),
    url,
  });
  return { folder, url, workspace, stop: () => started.stop() };
}

function placesOf(folder: string): string[] {
  return ['--extensions-dir', join(folder, 'extensions'), '--user-data-dir', join(folder, 'user')];
}

/** Homes of its own, so that neither the user's cache nor the installed hook is touched. */
function environmentIn(folder: string): NodeJS.ProcessEnv {
  const { VSCODE_IPC_HOOK_CLI: _, NODE_OPTIONS: __, ESMCACHE_DIR: ___, ...environment } = process.env;
  return {
    ...environment,
    // The preload writes its reports of starts here, and tests read them.
    ESMCACHE_LOG: join(folder, 'starts.log'),
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'home-cache'),
    XDG_CONFIG_HOME: join(folder, 'home-config'),
    XDG_DATA_HOME: join(folder, 'home-data'),
  };
}

function installExtension(folder: string, env: NodeJS.ProcessEnv): void {
  const server = join(CODE_SERVER, 'lib/vscode/out/server-main.js');
  const install = ['--install-extension', packagedExtension(), '--accept-server-license-terms', '--force'];
  const places = ['--server-data-dir', join(folder, 'server'), ...placesOf(folder)];
  execFileSync(process.execPath, [server, ...install, ...places], { env, stdio: 'pipe' });
}

function packagedExtension(): string {
  const packages = readdirSync(EXTENSION).filter((name) => name.endsWith('.vsix'));
  if (packages.length !== 1) throw new Error(`make vsix leaves one package in ${EXTENSION}; found ${packages.length}`);
  return join(EXTENSION, packages[0]!);
}
