'use strict';
// What ESMCACHE_LOG asks for: `debug` shows on stderr what a runner tells, an absolute path has it appended to that file.

/** Return what logs reports, and says why a cache directory with some status is not looked into. */
module.exports = function logger(fs, log) {
  const { appendFileSync, writeSync } = fs;
  const { stringify } = JSON;
  return {
    write(head, report) {
      if (log === 'debug') writeSync(2, `esmcache: ${stringify({ __proto__: null, ...report })}\n`);
      else if (log[0] === '/') appendFileSync(log, `${stringify({ __proto__: null, ...head, ...report })}\n`);
    },
    whyRefused(status) {
      if (status === undefined) return 'no cache directory';
      if (!status.isDirectory()) return 'cache directory: is none';
      if (status.uid !== process.getuid()) return 'cache directory: belongs to another user';
      return 'cache directory: can be written by others';
    },
  };
};
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:log.cjs
