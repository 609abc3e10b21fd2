'use strict';
// The preload: finds the manifest of the program that is starting and, if there is one, serves from it. `esmcache hook`
// installs a copy of this file with the two constants filled in, so that a start that finds nothing loads no other
// file, and a NODE_OPTIONS left behind stops no program where esmcache is gone.
// Runs before the user's program and in its process, so it is small, quiet, and leaves everything to Node where
// anything is unusual. Builtins that cost time to load (worker_threads, zlib, v8, crypto) are avoided.

const RUNTIME = '@RUNTIME@';
const CACHE_DIRECTORY = '@CACHE_DIRECTORY@';

const LARGEST_EVENTS = 256 * 1024;
const WORKER_KEY = 'esmcache:manifest';

// Flags under which Node finds or loads modules in other ways than those that a manifest was made for.
const OTHER_WAYS =
  /^--(?:(?:experimental-)?(?:loader|default-type|policy|permission|strip-types|transform-types|wasm-modules|addon-modules|network-imports|specifier-resolution|config-file|default-config-file|package-map|vfs|test-module-mocks)$|preserve-symlinks|no-(?:experimental-)?(?:require-module|detect-module|strip-types|addons|global-search-paths)$|entry-url$|test$|watch|build-|snapshot-blob)/;
// Flags that V8 knows nothing of, so that its code caches are those of a start without any.
const NODE_ALONE = /^(?:-r|-C|--(?:require|import|conditions|enable-source-maps|no-warnings|trace-warnings|env-file|title))$/;

function start() {
  const { env } = process;
  if (env.ESMCACHE_DISABLE === '1') return false;
  // In a worker this function is one of those that only throw, and says so.
  const isWorker = process.abort.disabled === true;
  const asked = process.argv[1];
  if ((asked === undefined && !isWorker) || process.permission !== undefined) return false;
  const fs = require('node:fs');
  const directory = env.ESMCACHE_DIR || CACHE_DIRECTORY;
  const status = fs.statSync(directory, { throwIfNoEntry: false });
  // What others can write may hold anything.
  if (status === undefined || !status.isDirectory()) return false;
  if (status.uid !== process.getuid() || (status.mode & 0o022) !== 0) return false;

  const flags = readFlags(fs);
  let told;
  if (isWorker) {
    const { getEnvironmentData, isInternalThread } = process.getBuiltinModule('node:worker_threads');
    told = getEnvironmentData(WORKER_KEY);
    // In the thread of asynchronous hooks Node 22 can load nothing once synchronous ones are registered.
    if (told === undefined || isInternalThread) return false;
  } else {
    // As Node finds its entry point, and with the same cache of what it found.
    const found = module.constructor._findPath(asked, null, true);
    if (!found) return false;
    const identity = [fs.realpathSync(found), process.version, process.arch].concat(flags.conditions).join('\0');
    told = { identity, name: manifestName(identity) };
  }
  const events = reporter(fs, directory, told, flags.conditions);
  if (flags.reason !== '') return events.notServed(flags.reason);
  const manifestFile = `${directory}/manifests/${told.name}.manifest`;
  if (fs.statSync(manifestFile, { throwIfNoEntry: false }) === undefined) return events.notServed('no manifest');

  const Module = require('node:module');
  if (typeof Module.registerHooks !== 'function') return events.notServed('flag: a Node without module.registerHooks');
  const manifest = require(`${RUNTIME}/manifest.cjs`).open(manifestFile, told.identity);
  if (manifest === null) return events.notServed('no manifest');
  const codeCaches = enableCodeCaches(fs, Module, manifest, `${directory}/v8`, flags);
  const { getBuiltinModule } = process;
  const tellWorkers = () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, told);
  const report = require(`${RUNTIME}/hooks.cjs`)(manifest, `${directory}/packs`, __filename, tellWorkers);
  if (report === null) return events.notServed('flag: hooks of another preload, before ours');
  report.codeCaches = codeCaches;
  process.on('exit', () => events.leave(report.line()));
  return true;
}

// Reads the flags in their order; NODE_OPTIONS come before the command line's.
function readFlags(fs) {
  const { env, execArgv } = process;
  const flags = { conditions: [], observed: false, v8: false, reason: '' };
  const options = env.NODE_OPTIONS;
  if (env.NODE_PRESERVE_SYMLINKS === '1' || env.NODE_PRESERVE_SYMLINKS_MAIN === '1') {
    flags.reason = 'flag --preserve-symlinks in the environment';
  }
  // Nearly every start: the preload and nothing else.
  if (!options && execArgv.length === 2 && execArgv[0] === '--require' && execArgv[1] === __filename) return flags;
  const all = [];
  if (options) {
    const words = options.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) || [];
    for (let i = 0; i < words.length; i++) all.push(words[i].replace(/"/g, ''));
  }
  for (let i = 0; i < execArgv.length; i++) all.push(execArgv[i]);

  let isFirst = null;
  for (let i = 0; i < all.length; i++) {
    const flag = all[i].startsWith('--') ? all[i].split('=', 1)[0].replace(/_/g, '-') : all[i].slice(0, 2);
    const value = () => (all[i].startsWith('--') && all[i].includes('=') ? all[i].slice(all[i].indexOf('=') + 1) : all[++i]);
    if (OTHER_WAYS.test(flag)) flags.reason = `flag ${flag}`;
    else if (/^--(?:inspect-(?:brk|wait)|experimental-test-coverage)/.test(flag)) flags.observed = true;
    else if (!NODE_ALONE.test(flag)) flags.v8 = true;
    else if (flag === '--conditions' || flag === '-C') flags.conditions.push(value());
    else if (flag === '--require' || flag === '-r') {
      const named = value();
      if (isFirst === null) isFirst = isHook(fs, named);
    } else if (flag === '--import') value();
  }
  // What an earlier preload registered would be passed over, since the hook that was registered last is asked first.
  if (!isFirst) flags.reason = 'flag --require of another preload, before ours';
  return flags;
}

function isHook(fs, named) {
  if (named === __filename) return true;
  const path = require('node:path').resolve(named);
  return path === __filename || (fs.existsSync(path) && fs.realpathSync(path) === __filename);
}

// Two FNV-1a sums over UTF-16 code units, as serving/names.py has them.
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

function enableCodeCaches(fs, Module, manifest, directory, flags) {
  // Node makes a directory that is missing, but loops for ever where that cannot be done (22 to 26, below /proc).
  if (!manifest.hasCodeCaches || !fs.existsSync(directory)) return 'none';
  const { env } = process;
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || flags.observed) return 'left off';
  // Under other flags of V8 Node would look into another, unfilled directory, and fill it.
  if (flags.v8 && process.getBuiltinModule('node:v8').cachedDataVersionTag() !== manifest.v8Tag) return 'other flags';
  // From Node 26 on the cache can be read without being written at exit.
  const takesOptions = parseInt(process.version.slice(1), 10) >= 26;
  const answer = Module.enableCompileCache(takesOptions ? { directory, readOnly: true, portable: false } : directory);
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
}

// What a runner tells afterwards: one JSON line per process, appended to events/<manifest name>. A report must never
// disturb the program, so every fault in writing one is dropped. ESMCACHE_LOG=debug shows it on stderr, and an
// absolute path in ESMCACHE_LOG has it appended to that file.
function reporter(fs, directory, { identity, name }, conditions) {
  const { appendFileSync, openSync, fstatSync, mkdirSync, writeSync, closeSync } = fs;
  const { stringify } = JSON;
  const { now } = Date;
  const { version, arch, execPath, env } = process;
  const log = env.ESMCACHE_LOG;
  const entry = identity.slice(0, identity.indexOf('\0'));

  function leave(report) {
    try {
      const line = `${stringify({ time: now(), entry, node: version, arch, execPath, conditions, ...report })}\n`;
      if (log === 'debug') writeSync(2, `esmcache: ${stringify(report)}\n`);
      else if (log && log[0] === '/') appendFileSync(log, line);
      const file = `${directory}/events/${name}`;
      let descriptor;
      try {
        descriptor = openSync(file, 'a', 0o600);
      } catch {
        mkdirSync(`${directory}/events`, { recursive: true, mode: 0o700 });
        descriptor = openSync(file, 'a', 0o600);
      }
      try {
        if (fstatSync(descriptor).size < LARGEST_EVENTS) writeSync(descriptor, line);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // A full disk or a read-only cache is no business of the program's.
    }
  }

  return {
    leave,
    notServed(reason) {
      leave({ served: 0, reason });
      return false;
    },
  };
}

const known = Object.keys(require.cache);
let isServed = false;
try {
  isServed = start();
} catch {
  // Whatever it was, Node does without.
}
// The program's require.cache is its own. While we serve, the hook stays in it until the program begins, lest it run twice.
const cached = Object.keys(require.cache);
for (let i = 0; i < cached.length; i++) {
  if (!known.includes(cached[i]) || (cached[i] === __filename && !isServed)) delete require.cache[cached[i]];
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:register.cjs
