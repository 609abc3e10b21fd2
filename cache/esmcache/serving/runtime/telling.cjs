'use strict';
// What a runner tells of a start: one JSON line per process, appended to events/<manifest name>. A report must never
// disturb the program, so every fault in writing one is dropped.

const { constants } = process.getBuiltinModule('node:fs');
const { S_IFMT, S_IFREG } = constants;
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants;
const TO_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const LARGEST = 256 * 1024;
// Where nobody takes in what starts tell, they need not tell which functions they called.
const MOST_WAITING = 4096;

/** Return what writes reports of the start, into no file where there is no directory. */
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
      const descriptor = openSync(`${directory}/events/${told.name}`, TO_APPEND, 0o600);
      try {
        const { mode, size } = fstatSync(descriptor);
        if ((mode & S_IFMT) === S_IFREG && size < LARGEST) writeSync(descriptor, line);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // A full disk or a read-only cache is no business of the program's.
    }
  });
});

/** Have told, when the process ends, what became of a start that is served. */
const tellAtExit = (function tellAtExit(fs, load, directory, given, manifest, report, loaded, close) {
  const { accessSync, statSync } = fs;
  const { isWorker } = given;
  const events = `${directory}/events/${given.told.name}`;
  /** Return whether there is use in telling more: it can be written, and what earlier starts told is taken in. */
  function canTellMore() {
    try {
      accessSync(directory, constants.W_OK);
      return (statSync(events, { __proto__: null, throwIfNoEntry: false })?.size ?? 0) <= MOST_WAITING;
    } catch {
      return false;
    }
  }
  const tell = teller(fs, directory, given);
  const wantsCalled = manifest.wantsCalledFunctions && report.codeCaches === 'enabled' && canTellMore();
  const calledFunctions = wantsCalled ? load(fs, 'called.cjs') : null;
  process.on('exit', () => {
    try {
      close?.();
    } catch {
      // Somebody has removed it.
    }
    loaded?.();
    // Of many workers those that end first tell.
    const isAsked = calledFunctions !== null && (!isWorker || canTellMore());
    tell(report.line(), isAsked ? calledFunctions(manifest) : undefined);
  });
});

module.exports = { teller, tellAtExit };
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:telling.cjs
