'use strict';
// Finds out whether there is a manifest of the program that is starting and, if there is one, has it served.
// Every start under the preload runs this, many of them in vain, so it is short: what few starts need is in other files.
// Builtins that cost time to load (worker_threads, zlib, v8, crypto) are avoided, and so is `require`, which is dear when
// it is first called. In parentheses are functions that every start needs: V8 compiles them at once, and does not read
// them twice.

// Where nobody takes in what starts tell, no more need be told of starts in vain. In bytes.
const MOST_IN_VAIN = 1024;
// The major version of the newest Node that all of this was tested with, as engines/node/describe_node.py has it.
const NEWEST_TESTED = 26;

/** Serve the program if there is something to serve, and return whether. */
module.exports = (function start(fs, load, hookFile, cacheDirectory) {
  const { argv, env, execArgv, version } = process;
  // Nearly every start: the preload and nothing else. In a worker `abort` is one of the functions that only throw, and says so.
  const flags = (env.NODE_OPTIONS ?? '') + execArgv.join(' ');
  const isPlain =
    (flags === `--require ${hookFile}` || flags === `--require "${hookFile}"`) &&
    !(env.ESMCACHE_LOG || env.NODE_DEBUG || env.NODE_PRESERVE_SYMLINKS || env.NODE_PRESERVE_SYMLINKS_MAIN) &&
    process.abort.disabled !== true;
  const given = isPlain ? { conditions: [], reason: '', log: null } : load(fs, 'flags.cjs')(fs, load, hookFile);
  if (given === null) return false;
  // What a newer Node does differently is not known. A hyphen comes before `nightly`, `rc.1` and the like.
  const isTested = parseInt(version.slice(1), 10) <= NEWEST_TESTED && !version.includes('-');
  if (!isTested && env.ESMCACHE_UNTESTED_NODE !== '1') given.reason = `untested Node ${version}`;

  const directory = env.ESMCACHE_DIR || cacheDirectory;
  // A repository could have a cache where a relative path leads to.
  if (directory[0] !== '/') return false;
  if (given.told === undefined) {
    // As Node finds its entry point, links followed, and with the same cache of what it found, unless it may not look for one.
    const found = argv.length > 1 && (given.reason === '' ? module.constructor._findPath(argv[1], null, true) : argv[1]);
    if (!found) return false;
    const identity = [found, version, process.arch].concat(given.conditions).join('\0');
    // The sums over UTF-16 code units that serving/names.py has.
    const { length } = identity;
    let [one, other] = [length, length];
    for (let i = 0; i < length; i++) {
      const unit = identity.charCodeAt(i);
      one = (one * 40014893 + unit) % 67108859;
      other = (other * 55237919 + unit) % 67108837;
    }
    const hex = (sum) => sum.toString(16).padStart(7, '0');
    given.told = { identity, name: hex(one) + hex(other) };
  }

  const file = `${directory}/manifests/${given.told.name}.manifest`;
  const isThere = given.reason === '' && fs.existsSync(file);
  if (!isThere && given.log === null) {
    const waiting = fs.statSync(`${directory}/events/${given.told.name}`, { __proto__: null, throwIfNoEntry: false });
    // No warm can help a start under such flags: one of them is enough, and must not have others untold.
    const most = given.reason === '' ? MOST_IN_VAIN : 0;
    if (waiting === undefined ? !fs.existsSync(directory) : waiting.size > most) return false;
  }
  return load(fs, 'deciding.cjs')(fs, load, hookFile, directory, file, isThere, given);
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:starting.cjs
