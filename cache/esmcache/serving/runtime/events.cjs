'use strict';
// What a runner tells afterwards: one JSON line per process, appended to events/<manifest name>. A report must never
// disturb the program, so every fault in writing one is dropped. ESMCACHE_LOG=debug shows it on stderr, and an
// absolute path in ESMCACHE_LOG has it appended to that file.

const fs = require('node:fs');

const { appendFileSync, statSync, mkdirSync, writeSync } = fs;
const { stringify } = JSON;
const { now } = Date;
const LARGEST_FILE = 256 * 1024;

module.exports = function events(cacheDirectory, name, about) {
  const log = process.env.ESMCACHE_LOG;
  const { version, arch, execPath } = process;
  const common = { time: 0, entry: about.entry, node: version, arch, execPath, conditions: about.conditions };

  function leave(line) {
    common.time = now();
    try {
      if (log === 'debug') writeSync(2, `esmcache: ${stringify(line)}\n`);
      else if (log && log[0] === '/') appendFileSync(log, `${stringify({ ...common, ...line })}\n`);
      const directory = `${cacheDirectory}/events`;
      const file = `${directory}/${name}`;
      const status = statSync(file, { throwIfNoEntry: false });
      if (status === undefined) mkdirSync(directory, { recursive: true, mode: 0o700 });
      else if (status.size > LARGEST_FILE) return;
      appendFileSync(file, `${stringify({ ...common, ...line })}\n`, { mode: 0o600 });
    } catch {
      // A full disk or a read-only cache is no business of the program's.
    }
  }

  return {
    notServed(reason) {
      leave({ served: 0, reason });
      return false;
    },
    atExit(report) {
      process.on('exit', () => leave(report.line()));
    },
  };
};
