'use strict';
// Finds the manifest of the program that is starting and, if there is one, has it served.
// Builtins that cost time to load (worker_threads, zlib, v8, crypto) are avoided, and so is `require`, which is dear when
// it is first called.

const LARGEST_EVENTS = 256 * 1024;
// Where nobody takes in what starts tell, they need not tell which functions they called.
const MOST_WAITING = 4096;
const WORKER_KEY = 'esmcache:manifest';

// In parentheses are the functions that every start needs: V8 compiles them at once, and does not read them twice.
/** Serve the program if there is something to serve, and return whether. */
module.exports = (function start(fs, load, hookFile, cacheDirectory) {
  const { env, execArgv } = process;
  // In a worker this function is one of those that only throw, and says so.
  const isWorker = process.abort.disabled === true;
  const asked = process.argv[1];
  if ((asked === undefined && !isWorker) || process.permission !== undefined) return false;
  const directory = env.ESMCACHE_DIR || cacheDirectory;
  const refused = whyRefused(fs.statSync(directory, { throwIfNoEntry: false }));
  if (refused !== '' && !env.ESMCACHE_LOG) return false;

  // Nearly every start: the preload and nothing else.
  const isPlain = !env.NODE_OPTIONS && execArgv.length === 2 && execArgv[0] === '--require' && execArgv[1] === hookFile;
  const flags =
    isPlain && !env.NODE_DEBUG && env.NODE_PRESERVE_SYMLINKS !== '1' && env.NODE_PRESERVE_SYMLINKS_MAIN !== '1'
      ? { conditions: [], observed: false, v8: false, reason: '' }
      : load(fs, 'flags.cjs')(fs, hookFile);
  let told;
  if (isWorker) {
    const { getEnvironmentData, isInternalThread } = process.getBuiltinModule('node:worker_threads');
    told = getEnvironmentData(WORKER_KEY);
    // In the thread of asynchronous hooks Node 22 can load nothing once synchronous ones are registered.
    if (told === undefined || isInternalThread) return false;
  } else {
    // As Node finds its entry point, links followed, and with the same cache of what it found.
    const found = module.constructor._findPath(asked, null, true);
    if (!found) return false;
    const identity = [found, process.version, process.arch].concat(flags.conditions).join('\0');
    told = { identity, name: manifestName(identity) };
  }
  if (refused !== '') return reporter(fs, null, told, flags.conditions).notServed(refused);
  if (flags.reason !== '') return reporter(fs, directory, told, flags.conditions).notServed(flags.reason);
  const manifestFile = `${directory}/manifests/${told.name}.manifest`;
  const manifestStatus = fs.statSync(manifestFile, { throwIfNoEntry: false });
  if (manifestStatus === undefined) return reporter(fs, directory, told, flags.conditions).notServed('no manifest');
  return serve(fs, load, hookFile, directory, manifestFile, manifestStatus, told, flags, isWorker);
});

const whyRefused = (function whyRefused(status) {
  if (status === undefined) return 'no cache directory';
  if (!status.isDirectory()) return 'cache directory: is none';
  if (status.uid !== process.getuid()) return 'cache directory: belongs to another user';
  // What others can write may hold anything.
  return (status.mode & 0o022) === 0 ? '' : 'cache directory: can be written by others';
});

function serve(fs, load, hookFile, directory, manifestFile, manifestStatus, told, flags, isWorker) {
  const events = reporter(fs, directory, told, flags.conditions);
  const { getBuiltinModule } = process;
  const Module = getBuiltinModule('node:module');
  if (typeof Module.registerHooks !== 'function') return events.notServed('flag: a Node without module.registerHooks');
  const reader = load(fs, 'manifest.cjs');
  const manifest = reader.open(manifestFile, manifestStatus, told.identity);
  if (manifest === null) return events.notServed('no manifest');
  const { codeCaches, loaded } = load(fs, 'code_caches.cjs')(fs, manifest, directory, told.name, flags, isWorker);
  // After the entry point, the version and the architecture.
  const made = told.identity.split('\0').slice(3);
  const tellWorkers = () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, told);
  const report = load(fs, 'hooks.cjs')(manifest, reader, `${directory}/packs`, hookFile, tellWorkers, loaded, made);
  if (report === null) return events.notServed('flag: hooks of another preload, before ours');
  report.codeCaches = codeCaches;
  const wantsCalled = manifest.wantsCalledFunctions && codeCaches === 'enabled' && events.canTellMore();
  const calledFunctions = wantsCalled ? load(fs, 'called.cjs') : null;
  process.on('exit', () => {
    loaded?.();
    // Of many workers those that end first tell.
    const isAsked = calledFunctions !== null && (!isWorker || events.canTellMore());
    events.leave(report.line(), isAsked ? calledFunctions(manifest) : undefined);
  });
  return true;
}

// Two FNV-1a sums over UTF-16 code units, as serving/names.py has them.
const manifestName = (function manifestName(identity) {
  let first = 0x811c9dc5;
  let second = 0x9747b28c;
  for (let i = 0; i < identity.length; i++) {
    const unit = identity.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = (Math.imul(second ^ unit, 0x01000193) + 0x9e3779b9) | 0;
  }
  const hex = (number) => (number >>> 0).toString(16).padStart(8, '0');
  return hex(first) + hex(second);
});

// What a runner tells afterwards: one JSON line per process, appended to events/<manifest name>. A report must never
// disturb the program, so every fault in writing one is dropped. ESMCACHE_LOG=debug shows it on stderr, and an
// absolute path in ESMCACHE_LOG has it appended to that file.
const reporter = (function reporter(fs, directory, { identity, name }, conditions) {
  const { accessSync, appendFileSync, existsSync, openSync, statSync, fstatSync, mkdirSync, writeSync, closeSync } = fs;
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, W_OK } = fs.constants;
  const { stringify } = JSON;
  const { now } = Date;
  const { version, arch, execPath, env } = process;
  const log = env.ESMCACHE_LOG;
  const entry = identity.slice(0, identity.indexOf('\0'));
  const file = `${directory}/events/${name}`;
  Object.setPrototypeOf(conditions, null);

  const leave = (function leave(report, called) {
    try {
      // No prototypes, where a program may have a `toJSON`.
      const head = { __proto__: null, time: now(), entry, node: version, arch, execPath, conditions };
      if (log === 'debug') writeSync(2, `esmcache: ${stringify({ __proto__: null, ...report })}\n`);
      else if (log && log[0] === '/') appendFileSync(log, `${stringify({ __proto__: null, ...head, ...report })}\n`);
      if (directory === null) return;
      const line = `${stringify({ __proto__: null, ...head, ...report, called })}\n`;
      // Nothing is tried that may fail, since whoever debugs a program may want to see what is thrown.
      if (!existsSync(`${directory}/events`)) mkdirSync(`${directory}/events`, { recursive: true, mode: 0o700 });
      const descriptor = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
      try {
        const status = fstatSync(descriptor);
        if (status.isFile() && status.size < LARGEST_EVENTS) writeSync(descriptor, line);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // A full disk or a read-only cache is no business of the program's.
    }
  });

  return {
    leave,
    /** Return whether there is use in telling more: it can be written, and what earlier starts told is taken in. */
    canTellMore() {
      try {
        accessSync(directory, W_OK);
        return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= MOST_WAITING;
      } catch {
        return false;
      }
    },
    notServed(reason) {
      leave({ served: 0, reason });
      return false;
    },
  };
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:starting.cjs
