'use strict';
// Writes reports where ESMCACHE_LOG says: to stderr for `debug`, or to the end of the file at an absolute path.

/** Return functions that log a report, and that say why a place on the way into the cache is refused. */
module.exports = function logger(fs, log) {
  const { appendFileSync, constants, writeSync } = fs;
  // Others may have put a link there (O_NOFOLLOW), or a FIFO, whose opening would wait (O_NONBLOCK).
  const flag =
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const { stringify } = JSON;
  return {
    write(head, report) {
      if (log === 'debug') writeSync(2, `esmcache: ${stringify({ __proto__: null, ...report })}\n`);
      else if (log[0] === '/') {
        const line = `${stringify({ __proto__: null, ...head, ...report })}\n`;
        appendFileSync(log, line, { __proto__: null, flag, mode: 0o600 });
      }
    },
    whyRefused(place) {
      const status = fs.lstatSync(place, { __proto__: null, throwIfNoEntry: false });
      if (status === undefined) return 'no cache directory';
      const isOthers = status.uid !== process.geteuid() && status.uid !== 0;
      if (isOthers) return `cache directory: ${place} belongs to another user`;
      return `cache directory: ${place} ${status.isSymbolicLink() ? 'is a link' : 'can be written by others'}`;
    },
  };
};
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:log.cjs
