'use strict';
// Writes the report of a start: one line of JSON per process and per worker, appended to events/<manifest name>.
// A report must never disturb the program, so errors in writing it are ignored.

const { constants } = process.getBuiltinModule('node:fs');
const { S_IFMT, S_IFREG } = constants;
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants;
const TO_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const LARGEST = 256 * 1024;
// If more bytes of reports wait to be read, starts do not report which functions they called.
const MOST_UNREAD_BYTES = 4096;

/** Return a function that writes reports of the start to the log, and below `directory` unless that is null. */
const reporter = (function reporter(fs, directory, { program, conditions, log }) {
  const { existsSync, mkdirSync, openSync, fstatSync, writeSync, closeSync } = fs;
  const { stringify } = JSON;
  const { now } = Date;
  const { version, arch, execPath } = process;
  const entry = program.identity.slice(0, program.identity.indexOf('\0'));
  Object.setPrototypeOf(conditions, null);

  return (function write(report, called) {
    try {
      // The objects have no prototypes, since a program may have put a `toJSON` there.
      const head = { __proto__: null, time: now(), entry, node: version, arch, execPath, conditions };
      if (log !== null) log.write(head, report);
      if (directory === null) return;
      const line = `${stringify({ __proto__: null, ...head, ...report, called })}\n`;
      // The code checks first instead of catching errors, since a debugger may pause at them. mkdirSync makes no
      // parents: with `recursive`, Node 22 to 26 loops for ever if one cannot be made (below /proc).
      if (!existsSync(`${directory}/events`)) mkdirSync(`${directory}/events`, { __proto__: null, mode: 0o700 });
      const descriptor = openSync(`${directory}/events/${program.name}`, TO_APPEND, 0o600);
      try {
        const { mode, size } = fstatSync(descriptor);
        if ((mode & S_IFMT) === S_IFREG && size < LARGEST) writeSync(descriptor, line);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // The disk may be full, or the cache read-only.
    }
  });
});

/** Report a served start when its process or worker ends. */
const reportAtExit = (function reportAtExit(fs, load, directory, given, manifest, report, loaded, codeCaches) {
  const { accessSync, statSync } = fs;
  const { isWorker } = given;
  const events = `${directory}/events/${given.program.name}`;
  /** Return whether the cache can be written, and few reports wait to be read. */
  function mayReportMore() {
    try {
      accessSync(directory, constants.W_OK);
      return (statSync(events, { __proto__: null, throwIfNoEntry: false })?.size ?? 0) <= MOST_UNREAD_BYTES;
    } catch {
      return false;
    }
  }
  const write = reporter(fs, directory, given);
  const wantsCalled = manifest.wantsCalledFunctions && codeCaches.outcome === 'enabled' && mayReportMore();
  const calledFunctions = wantsCalled ? load(fs, 'called.cjs') : null;
  process.on('exit', () => {
    try {
      codeCaches.close?.();
    } catch {
      // The link is gone already.
    }
    loaded?.();
    report.codeCaches = codeCaches.outcome;
    // A worker looks again, since workers that ended before it may have reported much.
    const isAsked = calledFunctions !== null && (!isWorker || mayReportMore());
    write(report.line(), isAsked ? calledFunctions(manifest) : undefined);
  });
});

module.exports = { reporter, reportAtExit };
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:reporting.cjs
