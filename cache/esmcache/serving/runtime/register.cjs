'use strict';
// The preload. `esmcache hook` installs a copy of this file with the two constants filled in, so that a NODE_OPTIONS left
// behind stops no program where esmcache is gone.
// Runs before the user's program and in its process, so it is small, quiet, and leaves everything to Node where
// anything is unusual. What it loads is in other files, since V8 reads all of a file before it runs any of it.

const RUNTIME = '@RUNTIME@';
const CACHE_DIRECTORY = '@CACHE_DIRECTORY@';
const QUIETLY = { __proto__: null, throwIfNoEntry: false };

// Bindings spare objects and modules that cost more than what they are asked for. Where Node warns of their use, it has
// replaced `process.binding` by a function that inherits from the first one.
const { version } = process;
const isQuiet = parseInt(version.slice(1), 10) <= 26 && Object.getPrototypeOf(process.binding) === Function.prototype;

/** Return what `lstat` of Node's binding returns: numbers, of which the mode and the owners are read here. */
const lookByStats = (fs, path) => {
  const status = fs.lstatSync(path, QUIETLY);
  return status && [status.dev, status.mode, status.nlink, status.uid, status.gid];
};

/** Return the first place on the way from `at` to `path` that is not trusted, or ''. The rules are in trust.py. */
const findUntrusted = (function findUntrusted(fs, at, path, isInstalled) {
  const user = process.geteuid();
  const { lstat } = load.binding('fs') ?? {};
  const parts = path.split('/');
  // Out of a cache no link leads.
  for (let links = at === '' || isInstalled ? 0 : 40; parts.length > 0; ) {
    const part = parts.shift();
    const place = `${at}/${part}`;
    const status = lstat === undefined ? lookByStats(fs, place) : lstat(place, false, undefined, false);
    if (status === undefined) return place;
    const mode = status[1];
    const uid = status[3];
    const gid = status[4];
    if (!(uid === user || uid === 0) || (uid === 65534 && !isMapped(fs, uid))) return place;
    if ((mode & 0o170000) === 0o120000) {
      const target = links++ < 40 ? fs.readlinkSync(place) : '';
      if (target === '') return place;
      if (target[0] === '/') at = '';
      parts.unshift(...target.split('/'));
    } else {
      const others = gid === uid || (isInstalled && uid === 0) ? 0o002 : 0o022;
      if (mode & others && !(mode & 0o1000 && parts.length > 0)) return place;
      if (part !== '') at = place;
    }
  }
  return '';
});

/** Return whether a number is one of a user in this user namespace. */
function isMapped(fs, uid) {
  for (const line of fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n')) {
    const [first, , count] = line.trim().split(/ +/).map(Number);
    if (uid >= first && uid < first + count) return true;
  }
  return false;
}

// Past `require`, which costs more than a whole file does: it resolves, looks for a package.json, and fills a cache. This
// module is all of them, since making one costs, too.
const load = (function load(fs, name) {
  const file = `${RUNTIME}/${name}`;
  if (findUntrusted(fs, RUNTIME, name, true) !== '') throw new Error(file);
  module._compile(fs.readFileSync(file, 'utf8'), file, 'commonjs');
  return module.exports;
});
load.findUntrusted = findUntrusted;
/** Return one of Node's bindings, or null if Node would warn. */
load.binding = (function binding(name) {
  return isQuiet ? process.binding(name) : null;
});

let isServed = false;
if (process.env.ESMCACHE_DISABLE !== '1') {
  try {
    const fs = process.getBuiltinModule('node:fs');
    const place = findUntrusted(fs, '', RUNTIME, true);
    if (place === '') isServed = load(fs, 'starting.cjs')(fs, load, __filename, CACHE_DIRECTORY);
    // The file that words such reasons is one of those that are not loaded.
    else if (process.env.ESMCACHE_LOG === 'debug') fs.writeSync(2, `esmcache: not trusted: ${place}\n`);
  } catch {
    // Whatever it was, Node does without.
  }
}
// The program's require.cache is its own. While we serve, the hook stays in it until the program begins, lest it run twice.
if (!isServed) delete require.cache[__filename];
module.exports = {};

// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:register.cjs
