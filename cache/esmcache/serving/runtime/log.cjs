'use strict';
// What ESMCACHE_LOG asks for: `debug` shows on stderr what a runner tells, an absolute path has it appended to that file.

/** Return what logs reports, and says why nothing is looked for in a cache directory: of a place that is not trusted. */
module.exports = function logger(fs, log) {
  const { appendFileSync, constants, writeSync } = fs;
  // A file that others could have put there as a link, or could write, is none to add to.
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
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:log.cjs
