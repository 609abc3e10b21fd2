'use strict';
// Writes the report of a start: one line of JSON per process and per worker, appended to events/<manifest name>.
// A report must never disturb the program, so errors in writing it are ignored.

const { constants } = process.getBuiltinModule('node:fs');
const { now } = Date;
const { setPrototypeOf } = Object;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const [slice, indexOf] = [uncurry(String.prototype.slice), uncurry(String.prototype.indexOf)];
const { S_IFMT, S_IFREG } = constants;
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOFOLLOW } = constants;
const TO_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
const LARGEST = 256 * 1024;
// A process that loads modules which its manifest lacks reports them at once, but no more often than this.
const LEAST_MS_BETWEEN = 16;
// If more bytes of reports wait to be read, starts do not report which functions they called.
const MOST_UNREAD_BYTES = 4096;

/** Return a function that writes reports of the start to the log, and below `directory` unless that is null. */
const reporter = (function reporter(fs, directory, { program, conditions, log }) {
  const { existsSync, mkdirSync, openSync, fstatSync, writeSync, closeSync } = fs;
  const { stringify } = JSON;
  const { version, arch, execPath } = process;
  const entry = program.identity.slice(0, program.identity.indexOf('\0'));
  setPrototypeOf(conditions, null);

  const started = now();

  /** Write a report; the log gets it as `logged` says, or not at all if that is null. */
  return (function write(report, called, logged = report) {
    try {
      // The objects have no prototypes, since a program may have put a `toJSON` there.
      const head = { __proto__: null, time: now(), entry, node: version, arch, execPath, conditions };
      if (log !== null && logged !== null) log.write(head, logged);
      if (directory === null) return;
      const line = `${stringify({ __proto__: null, ...head, started, ...report, called })}\n`;
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

/** Return a query with `#` for each of its words that has a digit. Such words may differ from start to start. */
function formOf(query) {
  let form = '';
  let word = '';
  let hasDigit = false;
  for (let i = 0; i <= query.length; i++) {
    const one = query[i] ?? '';
    const isDigit = one >= '0' && one <= '9';
    if (isDigit || (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z')) {
      word += one;
      hasDigit ||= isDigit;
    } else {
      form += (hasDigit ? '#' : word) + one;
      word = '';
      hasDigit = false;
    }
  }
  return form;
}

/** Return a function that tells whether the manifest has the module of a URL, with a query of the same form. */
function knowForms({ indexes }) {
  let forms = null;
  const inForm = (url, at) => slice(url, 0, at) + formOf(slice(url, at));
  return (url) => {
    const at = indexOf(url, '?');
    if (at < 0) return false;
    if (forms === null) {
      forms = { __proto__: null };
      for (const known in indexes) {
        const end = indexOf(known, '?');
        if (end > 0) forms[inForm(known, end)] = true;
      }
    }
    return forms[inForm(url, at)] === true;
  };
}

/** Return the URLs of files from `first` on, each as `<count of characters as in the URL before> <the rest>`. */
function shortened(urls, first, isLeftOut) {
  const list = setPrototypeOf([], null);
  let before = '';
  for (let i = first, room = LARGEST; i < urls.length && room > 0; i++) {
    const url = urls[i];
    if (slice(url, 0, 5) !== 'file:' || isLeftOut(url)) continue;
    let shared = 0;
    while (shared < before.length && before[shared] === url[shared]) shared++;
    list[list.length] = `${shared} ${slice(url, shared)}`;
    room -= url.length - shared + 8;
    before = url;
  }
  return list;
}

/** Report a served start when its process or worker ends, and what it misses also before. */
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
  // Earlier lines of this process have reported these counts.
  let [served, resolved, hashed, rewritten, faults, missed, stale] = [0, 0, 0, 0, 0, 0, 0];
  let lastTold = 0;
  let isKnownByForm = null;
  /** Return what no earlier line has said. */
  function untold(all) {
    const { codeCaches, modules } = all;
    const fresh = { __proto__: null, served: all.served - served, resolved: all.resolved - resolved };
    fresh.hashed = all.hashed - hashed;
    fresh.rewritten = report.rewritten - rewritten;
    fresh.faults = all.faults - faults;
    isKnownByForm ??= knowForms(manifest);
    fresh.misses = shortened(all.missed, missed, isKnownByForm);
    fresh.stale = shortened(all.stale, stale, () => false);
    ({ served, resolved, hashed, faults } = all);
    rewritten = report.rewritten;
    missed = all.missed.length;
    stale = all.stale.length;
    const later = lastTold > 0 ? true : undefined;
    return { __proto__: null, ...fresh, codeCaches, modules, later };
  }
  report.tell = function tell() {
    const time = now();
    if (time - lastTold < LEAST_MS_BETWEEN) return false;
    try {
      write(untold(report.line()), undefined, null);
    } catch {
      // The program has broken something that this file needs.
    }
    lastTold = time;
    return true;
  };
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
    try {
      const all = report.line();
      const called = isAsked ? calledFunctions(manifest) : undefined;
      // Most starts miss nothing, and need none of the functions above.
      const isWhole = lastTold === 0 && report.rewritten === 0 && all.missed.length === 0 && all.stale.length === 0;
      const { left, replaced } = all;
      write(isWhole ? all : { __proto__: null, ...untold(all), left, replaced }, called, all);
    } catch {
      // The program has broken something that this file needs.
    }
  });
});

module.exports = { reporter, reportAtExit };
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:reporting.cjs
