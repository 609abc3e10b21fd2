'use strict';
// The preload. `esmcache hook` installs a copy of this file with the two constants filled in, so that a NODE_OPTIONS left
// behind stops no program where esmcache is gone.
// Runs before the user's program and in its process, so it is small, quiet, and leaves everything to Node where
// anything is unusual. What it loads is in other files, since V8 reads all of a file before it runs any of it.

const RUNTIME = '@RUNTIME@';
const CACHE_DIRECTORY = '@CACHE_DIRECTORY@';

// Past `require`, which costs more than a whole file does: it resolves, looks for a package.json, and fills a cache. This
// module is all of them, since making one costs, too.
const load = (function load(fs, name) {
  const file = `${RUNTIME}/${name}`;
  module._compile(fs.readFileSync(file, 'utf8'), file, 'commonjs');
  return module.exports;
});

let isServed = false;
if (process.env.ESMCACHE_DISABLE !== '1') {
  try {
    const fs = process.getBuiltinModule('node:fs');
    isServed = load(fs, 'starting.cjs')(fs, load, __filename, CACHE_DIRECTORY);
  } catch {
    // Whatever it was, Node does without.
  }
}
// The program's require.cache is its own. While we serve, the hook stays in it until the program begins, lest it run twice.
if (!isServed) delete require.cache[__filename];
module.exports = {};

// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:register.cjs
