'use strict';
// The preload: finds the manifest of the program that is starting and, if there is one, serves from it.
// Runs before the user's program and in its process, so it is small, quiet, and leaves everything to Node
// where anything is unusual. Exports start(cacheDirectory, hookFile), which the installed hook calls.

const fs = require('node:fs');
const Module = require('node:module');
const { resolve } = require('node:path');

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

function isHook(named, hookFile) {
  const path = resolve(named);
  return path === hookFile || (fs.existsSync(path) && fs.realpathSync(path) === hookFile);
}

// Reads the flags, in their order: NODE_OPTIONS come before the command line's.
function settings(hookFile) {
  const conditions = [];
  const all = flags();
  let inspected = false;
  let isFirst = null;
  for (let i = 0; i < all.length; i++) {
    const flag = /^--[^=]*/.test(all[i]) ? /^--[^=]*/.exec(all[i])[0].replace(/_/g, '-') : all[i].slice(0, 2);
    const value = () => (/^--[^=]*=/.test(all[i]) ? all[i].slice(all[i].indexOf('=') + 1) : all[++i]);
    if (OTHER_WAYS.test(flag)) return { reason: `flag ${flag}` };
    if (/^--inspect-(?:brk|wait)/.test(flag)) inspected = true;
    else if (flag === '--conditions' || flag === '-C') conditions.push(value());
    else if (isFirst === null && (flag === '--require' || flag === '-r')) isFirst = isHook(value(), hookFile);
  }
  const { env } = process;
  if (env.NODE_PRESERVE_SYMLINKS === '1' || env.NODE_PRESERVE_SYMLINKS_MAIN === '1') return { reason: 'flag in the environment' };
  // What an earlier preload registered would be passed over, since the hook that was registered last is asked first.
  return isFirst ? { conditions, inspected } : { reason: 'flag --require of another preload, before ours' };
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
  // Node makes what is missing, but loops for ever where that cannot be done (nodejs 22 to 26, below /proc).
  if (!fs.existsSync(directory)) return 'none';
  // From Node 26 on the cache can be read without being written at exit.
  const takesOptions = parseInt(process.version.slice(1), 10) >= 26;
  const answer = Module.enableCompileCache(takesOptions ? { directory, readOnly: true, portable: false } : directory);
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
}

function startMain(cacheDirectory, hookFile) {
  const asked = process.argv[1];
  // Without hooks to register, a program, or the right to look around, everything is Node's own.
  if (typeof Module.registerHooks !== 'function' || !asked || process.permission !== undefined) return false;
  if (!ownedByUser(cacheDirectory)) return false;
  const found = Module._findPath(asked, null, true);
  if (!found) return false;
  const entry = fs.realpathSync(found);
  const { conditions, inspected, reason } = settings(hookFile);
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
  const report = require('./hooks.cjs')(manifest, `${cacheDirectory}/packs`, hookFile);
  if (report === null) return events.notServed('flag: hooks of another preload, before ours');
  report.codeCaches = codeCaches;
  events.atExit(report);
  // A worker's preload cannot know the program; this value reaches it without touching its environment.
  require('node:worker_threads').setEnvironmentData('esmcache:manifest', { name, identity, inspected });
  return true;
}

function startWorker(cacheDirectory, hookFile) {
  const told = require('node:worker_threads').getEnvironmentData('esmcache:manifest');
  if (told === undefined || !ownedByUser(cacheDirectory)) return false;
  const manifest = require('./manifest.cjs').open(`${cacheDirectory}/manifests/${told.name}.manifest`, told.identity);
  if (manifest === null) return false;
  const codeCaches = enableCodeCaches(manifest, `${cacheDirectory}/v8`, told.inspected);
  const report = require('./hooks.cjs')(manifest, `${cacheDirectory}/packs`, hookFile);
  if (report === null) return false;
  report.codeCaches = codeCaches;
  const [entry, , , ...conditions] = told.identity.split('\0');
  require('./events.cjs')(cacheDirectory, told.name, { entry, conditions }).atExit(report);
  return true;
}

// The program's require.cache is its own. The hook itself stays in it until the program begins, lest it run twice.
function leaveNoTrace(before, kept) {
  const cached = Object.keys(require.cache);
  for (let i = 0; i < cached.length; i++) {
    if (!before.includes(cached[i]) && cached[i] !== kept) delete require.cache[cached[i]];
  }
}

module.exports = function start(cacheDirectory, hookFile) {
  const before = Object.keys(require.cache).filter((name) => name !== __filename && name !== hookFile);
  let isServed = false;
  try {
    if (process.env.ESMCACHE_DISABLE === '1') return;
    const directory = process.env.ESMCACHE_DIR || cacheDirectory;
    const { isMainThread } = require('node:worker_threads');
    isServed = isMainThread ? startMain(directory, hookFile) : startWorker(directory, hookFile);
  } finally {
    leaveNoTrace(before, isServed ? hookFile : null);
  }
};
