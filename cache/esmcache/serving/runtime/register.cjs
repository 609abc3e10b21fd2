'use strict';
// The preload: finds the manifest of the program that is starting and, if there is one, serves from it.
// Runs before the user's program and in its process, so it is small, quiet, and leaves everything to Node
// where anything is unusual. Exports start(cacheDirectory), which the installed hook calls.

const fs = require('node:fs');
const Module = require('node:module');

// Flags under which Node finds or loads modules in other ways than those that a manifest was made for.
const OTHER_WAYS = /^(?:--(?:experimental-)?(?:loader|default-type|policy|permission|strip-types|transform-types|wasm-modules|addon-modules|network-imports|specifier-resolution|config-file|default-config-file)\b|--preserve-symlinks|--no-(?:experimental-)?(?:require-module|detect-module|strip-types|addons|global-search-paths)\b|--entry-url|--test\b|--watch|--build-|--snapshot-blob)/;

function flags() {
  const all = [];
  for (let i = 0; i < process.execArgv.length; i++) all.push(process.execArgv[i]);
  const options = process.env.NODE_OPTIONS;
  if (options) {
    const words = options.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) || [];
    for (let i = 0; i < words.length; i++) all.push(words[i].replace(/"/g, ''));
  }
  return all;
}

function settings() {
  const conditions = [];
  const all = flags();
  let inspected = false;
  for (let i = 0; i < all.length; i++) {
    const flag = all[i].replace(/_/g, '-');
    if (OTHER_WAYS.test(flag)) return { reason: `flag ${flag}` };
    if (/^--inspect-(?:brk|wait)/.test(flag)) inspected = true;
    const given = /^(?:--conditions=|-C=?(?=.))(.*)/s.exec(all[i]);
    if (given) conditions.push(given[1]);
    else if (all[i] === '--conditions' || all[i] === '-C') conditions.push(all[++i]);
  }
  return { conditions, inspected };
}

// Two FNV-1a sums over UTF-16 code units, as serving/manifest.py has them.
function manifestName(identity) {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let i = 0; i < identity.length; i++) {
    const unit = identity.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = (Math.imul(second ^ unit, 0x01000193) + 0x9e3779b9) | 0;
  }
  const hex = (number) => (number >>> 0).toString(16).padStart(8, '0');
  return hex(first) + hex(second);
}

function ownedByUser(directory) {
  const status = fs.statSync(directory, { throwIfNoEntry: false });
  return status !== undefined && status.isDirectory() && status.uid === process.getuid() && (status.mode & 0o022) === 0;
}

function enableCodeCaches(manifest, directory, inspected) {
  if (!manifest.hasCodeCaches) return 'none';
  const { env } = process;
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || inspected) return 'left off';
  // Code caches depend on V8's flags; under others Node would look into another, unfilled directory and fill it.
  if (require('node:v8').cachedDataVersionTag() !== manifest.v8Tag) return 'other flags';
  const answer = Module.enableCompileCache(directory);
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
}

function startMain(cacheDirectory) {
  const asked = process.argv[1];
  // Without hooks to register, a program, or the right to look around, everything is Node's own.
  if (typeof Module.registerHooks !== 'function' || !asked || process.permission !== undefined) return;
  if (!ownedByUser(cacheDirectory)) return;
  const found = Module._findPath(asked, null, true);
  if (!found) return;
  const entry = fs.realpathSync(found);
  const { conditions, inspected, reason } = settings();
  const identity = [entry, process.version, process.arch].concat(conditions || []).join('\0');
  const name = manifestName(identity);
  const events = require('./events.cjs')(cacheDirectory, name, { entry, conditions });
  if (reason) return events.notServed(reason);
  let manifest;
  try {
    manifest = require('./manifest.cjs').open(`${cacheDirectory}/manifests/${name}.manifest`, identity);
  } catch {
    manifest = null;
  }
  if (manifest === null) return events.notServed('no manifest');
  const codeCaches = enableCodeCaches(manifest, `${cacheDirectory}/v8`, inspected);
  const report = require('./hooks.cjs')(manifest, `${cacheDirectory}/packs`);
  report.codeCaches = codeCaches;
  events.atExit(report);
  // A worker's preload cannot know the program; this value reaches it without touching its environment.
  require('node:worker_threads').setEnvironmentData('esmcache:manifest', { name, identity, inspected });
}

function startWorker(cacheDirectory) {
  const told = require('node:worker_threads').getEnvironmentData('esmcache:manifest');
  if (told === undefined || !ownedByUser(cacheDirectory)) return;
  const manifest = require('./manifest.cjs').open(`${cacheDirectory}/manifests/${told.name}.manifest`, told.identity);
  if (manifest === null) return;
  enableCodeCaches(manifest, `${cacheDirectory}/v8`, told.inspected);
  const report = require('./hooks.cjs')(manifest, `${cacheDirectory}/packs`);
  report.codeCaches = 'worker';
  require('./events.cjs')(cacheDirectory, told.name, { entry: told.identity.split('\0')[0], conditions: [] }).atExit(report);
}

module.exports = function start(cacheDirectory) {
  if (process.env.ESMCACHE_DISABLE === '1') return;
  const directory = process.env.ESMCACHE_DIR || cacheDirectory;
  const before = Object.keys(require.cache);
  try {
    if (require('node:worker_threads').isMainThread) startMain(directory);
    else startWorker(directory);
  } finally {
    // The program's require.cache is its own.
    const after = Object.keys(require.cache);
    for (let i = before.length; i < after.length; i++) delete require.cache[after[i]];
    delete require.cache[__filename];
  }
};
