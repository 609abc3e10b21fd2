'use strict';
// Finds out whether there is a manifest of the program that is starting and, if there is one, has it served.
// Every start under the preload runs this, many of them in vain, so it is short: what few starts need is in other files.
// Builtins that cost time to load (worker_threads, zlib, v8, crypto) are avoided, and so is `require`, which is dear when
// it is first called. In parentheses are functions that every start needs: V8 compiles them at once, and does not read
// them twice.

const LARGEST_EVENTS = 256 * 1024;
const QUIETLY = { __proto__: null, throwIfNoEntry: false };
const { S_IFMT, S_IFDIR, S_IFREG, O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = process.getBuiltinModule('node:fs').constants;

/** Serve the program if there is something to serve, and return whether. */
module.exports = (function start(fs, load, hookFile, cacheDirectory) {
  const { env, execArgv } = process;
  const options = env.NODE_OPTIONS;
  // Nearly every start: the preload and nothing else. In a worker `abort` is one of the functions that only throw, and says so.
  const isPlain =
    (options
      ? execArgv.length === 0 && (options === `--require "${hookFile}"` || options === `--require ${hookFile}`)
      : execArgv.length === 2 && execArgv[0] === '--require' && execArgv[1] === hookFile) &&
    !(env.ESMCACHE_LOG || env.NODE_DEBUG || env.NODE_PRESERVE_SYMLINKS || env.NODE_PRESERVE_SYMLINKS_MAIN) &&
    process.abort.disabled !== true;
  const given = isPlain
    ? { isWorker: false, told: undefined, conditions: [], observed: false, v8: false, reason: '', log: null }
    : load(fs, 'flags.cjs')(fs, load, hookFile);
  const asked = process.argv[1];
  if (given === null || (asked === undefined && !given.isWorker)) return false;

  let directory = env.ESMCACHE_DIR || cacheDirectory;
  // The program may go elsewhere.
  if (directory[0] !== '/') directory = `${process.cwd()}/${directory}`;
  const status = fs.statSync(directory, QUIETLY);
  // What others can write may hold anything.
  const isOurs = status !== undefined && (status.mode & (S_IFMT | 0o022)) === S_IFDIR && status.uid === process.getuid();
  if (!isOurs && given.log === null) return false;
  if (given.told === undefined) {
    // As Node finds its entry point, links followed, and with the same cache of what it found.
    const found = module.constructor._findPath(asked, null, true);
    if (!found) return false;
    const identity = [found, process.version, process.arch].concat(given.conditions).join('\0');
    // The sum over UTF-16 code units that serving/names.py has.
    let sum = identity.length;
    for (let i = 0; i < identity.length; i++) sum = (sum * 31 + identity.charCodeAt(i)) % 281474976710597;
    given.told = { identity, name: sum.toString(16) };
  }

  let reason = given.reason;
  if (!isOurs) reason = given.log.whyRefused(status);
  const tell = teller(fs, isOurs ? directory : null, given);
  if (reason === '') {
    const file = `${directory}/manifests/${given.told.name}.manifest`;
    const fileStatus = fs.statSync(file, QUIETLY);
    reason =
      fileStatus === undefined
        ? 'no manifest'
        : load(fs, 'serving.cjs')(fs, load, hookFile, directory, file, fileStatus, given, tell);
  }
  if (reason !== '') tell({ served: 0, reason });
  return reason === '';
});

// What a runner tells afterwards: one JSON line per process, appended to events/<manifest name>. A report must never
// disturb the program, so every fault in writing one is dropped.
const teller = (function teller(fs, directory, { told, conditions, log }) {
  const { existsSync, mkdirSync, openSync, fstatSync, writeSync, closeSync } = fs;
  const { stringify } = JSON;
  const { now } = Date;
  const { version, arch, execPath } = process;
  const entry = told.identity.slice(0, told.identity.indexOf('\0'));
  Object.setPrototypeOf(conditions, null);

  return (function tell(report, called) {
    try {
      // No prototypes, where a program may have a `toJSON`.
      const head = { __proto__: null, time: now(), entry, node: version, arch, execPath, conditions };
      if (log !== null) log.write(head, report);
      if (directory === null) return;
      const line = `${stringify({ __proto__: null, ...head, ...report, called })}\n`;
      // Nothing is tried that may fail, since whoever debugs a program may want to see what is thrown. Parents are not made:
      // Node loops for ever where that cannot be done (22 to 26, below /proc).
      if (!existsSync(`${directory}/events`)) mkdirSync(`${directory}/events`, { __proto__: null, mode: 0o700 });
      const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK;
      const descriptor = openSync(`${directory}/events/${told.name}`, flags, 0o600);
      try {
        const { mode, size } = fstatSync(descriptor);
        if ((mode & S_IFMT) === S_IFREG && size < LARGEST_EVENTS) writeSync(descriptor, line);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // A full disk or a read-only cache is no business of the program's.
    }
  });
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:starting.cjs
