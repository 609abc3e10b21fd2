'use strict';
// The preload. `esmcache hook` installs a copy outside of the package, with both constants filled in, since a missing
// preload stops Node and NODE_OPTIONS may outlive esmcache.
// It runs in the user's process before the program, so it is small, quiet, and leaves unusual cases to Node. Most code
// is in other files, since V8 reads a whole file before it runs any of it.

const RUNTIME = '@RUNTIME@';
const CACHE_DIRECTORY = '@CACHE_DIRECTORY@';

// Bindings need no objects or modules that cost more than the calls themselves. If Node warns of their use
// (--pending-deprecation), it has wrapped `process.binding` in a function that inherits from the original.
const { version } = process;
const isQuiet = parseInt(version.slice(1), 10) <= 26 && Object.getPrototypeOf(process.binding) === Function.prototype;

let lstat;
/** Return the numbers of a path's status, or undefined if nothing is there; the next call may overwrite them. */
const look = (function look(path) {
  // `lstatSync` would make an object of the numbers, which takes as long as this call.
  return lstat(path, false, undefined, false);
});

/** Return a function that returns the same numbers as `lstat` of Node's binding. */
function lstatBy(lstatSync) {
  return (path) => {
    const found = lstatSync(path, { __proto__: null, bigint: true, throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const { mode, uid, gid, ino, size, mtimeNs, ctimeNs } = found;
    const [changed, status] = [mtimeNs / 1000000000n, ctimeNs / 1000000000n];
    const times = [changed, mtimeNs - changed * 1000000000n, status, ctimeNs - status * 1000000000n];
    return [0n, mode, 0n, uid, gid, 0n, 0n, ino, size, 0n, 0n, 0n, ...times].map(Number);
  };
}

/** Return the first place on the way from `at` to `path` that is not trusted, or ''. The rules are in trust.py. */
const findUntrusted = (function findUntrusted(fs, at, path, isInstalled) {
  const user = process.geteuid();
  const parts = path.split('/');
  // Rule 7: no link is followed below a cache directory.
  for (let links = at === '' || isInstalled ? 0 : 40; parts.length > 0; ) {
    const part = parts.shift();
    const place = `${at}/${part}`;
    const status = look(place);
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

/** Return whether this user namespace maps a user's number. */
function isMapped(fs, uid) {
  for (const line of fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n')) {
    const [first, , count] = line.trim().split(/ +/).map(Number);
    if (uid >= first && uid < first + count) return true;
  }
  return false;
}

// `require` costs more than a whole file: it resolves, looks for a package.json, and fills a cache. Creating a module
// object costs time, too, so all files share this one.
const load = (function load(fs, name) {
  const file = `${RUNTIME}/${name}`;
  if (findUntrusted(fs, RUNTIME, name, true) !== '') throw new Error(file);
  module._compile(fs.readFileSync(file, 'utf8'), file, 'commonjs');
  return module.exports;
});
load.findUntrusted = findUntrusted;
load.look = look;
/** Return one of Node's bindings, or null if Node would warn. */
load.binding = (function binding(name) {
  return isQuiet ? process.binding(name) : null;
});

/** Return whether Node has run this file before for the same start, and nothing was served. */
function hasRun() {
  // `node --test` names every preload twice to the test files. Node would warn of `parent`, too.
  const siblings = isQuiet ? module.parent?.children : undefined;
  for (let i = 0; i < siblings?.length; i++) if (siblings[i] !== module && siblings[i].filename === __filename) return true;
  return false;
}

let isServed = false;
if (process.env.ESMCACHE_DISABLE !== '1' && !hasRun()) {
  try {
    const fs = process.getBuiltinModule('node:fs');
    lstat = load.binding('fs')?.lstat ?? lstatBy(fs.lstatSync);
    const place = findUntrusted(fs, '', RUNTIME, true);
    if (place === '') isServed = load(fs, 'starting.cjs')(fs, load, __filename, CACHE_DIRECTORY);
    // log.cjs, which words such reasons, is not trusted here.
    else if (process.env.ESMCACHE_LOG === 'debug') fs.writeSync(2, `esmcache: not trusted: ${place}\n`);
  } catch {
    // The program starts without the cache.
  }
}
// Programs must not find the hook in require.cache. A served start keeps it there until the first request (hooks.cjs),
// so that Node does not run a hook twice that is named twice.
if (!isServed) delete require.cache[__filename];
module.exports = {};

// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:register.cjs
