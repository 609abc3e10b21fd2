'use strict';
// Looks for the manifest of the program that is starting. Every start under the preload runs this file, many without a
// manifest, so it is short: code that few starts need is in other files.
// It avoids `require`, whose first call is slow, and slow built-ins (worker_threads, zlib, v8, crypto). Functions that
// every start needs are in parentheses: V8 compiles these at once, instead of reading them twice.

// While more bytes of reports wait to be read, starts without a manifest report nothing.
const MOST_UNREAD_BYTES = 1024;
// The newest major version of Node that esmcache is tested with; describe_node.py has the same number.
const NEWEST_TESTED = 26;

/** Serve the program if it has a manifest, and return whether it is served. */
module.exports = (function start(fs, load, hookFile, cacheDirectory) {
  const { argv, env, execArgv, version } = process;
  // Most starts have no flag but the preload, and do without flags.cjs. In a worker, Node replaces process.abort by a
  // function that throws and has the property `disabled`.
  const flags = (env.NODE_OPTIONS ?? '') + execArgv.join(' ');
  const isPlain =
    (flags === `--require ${hookFile}` || flags === `--require "${hookFile}"`) &&
    !(env.ESMCACHE_LOG || env.NODE_DEBUG || env.NODE_PRESERVE_SYMLINKS || env.NODE_PRESERVE_SYMLINKS_MAIN) &&
    process.abort.disabled !== true;
  const given = isPlain ? { conditions: [], reason: '', log: null } : load(fs, 'flags.cjs')(fs, load, hookFile);
  if (given === null) return false;
  // A newer Node may load modules in other ways. A hyphen comes before `nightly`, `rc.1` and the like.
  const isTested = parseInt(version.slice(1), 10) <= NEWEST_TESTED && !version.includes('-');
  if (!isTested && env.ESMCACHE_UNTESTED_NODE !== '1') given.reason = `untested Node ${version}`;

  const directory = env.ESMCACHE_DIR || cacheDirectory;
  // A relative path could lead to a cache that a repository ships.
  if (directory[0] !== '/') return false;
  if (given.program === undefined) {
    // Node calls this function for its entry point, too, and then finds the answer in its cache. If nothing is served,
    // the path only names a report, and the call could be noticed under the flags of the start.
    const found =
      given.started ??
      (argv.length > 1 && (given.reason === '' ? module.constructor._findPath(argv[1], null, true) : argv[1]));
    if (!found) return false;
    const identity = [found, version, process.arch].concat(given.conditions).join('\0');
    // The same sums over UTF-16 code units as in serving/names.py.
    const { length } = identity;
    let [one, other] = [length, length];
    for (let i = 0; i < length; i++) {
      const unit = identity.charCodeAt(i);
      one = (one * 40014893 + unit) % 67108859;
      other = (other * 55237919 + unit) % 67108837;
    }
    const hex = (sum) => sum.toString(16).padStart(7, '0');
    given.program = { identity, name: hex(one) + hex(other) };
  }

  const file = `${directory}/manifests/${given.program.name}.manifest`;
  // A copy, since the next call may overwrite the numbers.
  const status = given.reason === '' ? load.look(file)?.slice() : undefined;
  if (status === undefined && given.log === null) {
    const waiting = fs.statSync(`${directory}/events/${given.program.name}`, { __proto__: null, throwIfNoEntry: false });
    // A warm cannot change such a reason. So one report of it is enough, and it must not take the room of others.
    const most = given.reason === '' ? MOST_UNREAD_BYTES : 0;
    if (waiting === undefined ? !fs.existsSync(directory) : waiting.size > most) return false;
  }
  return load(fs, 'deciding.cjs')(fs, load, hookFile, directory, file, status, given);
});
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:starting.cjs
