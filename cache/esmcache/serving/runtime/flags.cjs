'use strict';
// Reads what a start was given beyond our own preload, which few starts were: flags and, in workers, the program. Loaded
// only then.

// Under which serving.cjs tells workers what the program is.
const WORKER_KEY = 'esmcache:manifest';
// Flags under which Node finds or loads modules in other ways than those that a manifest was made for, or tells how it does.
const OTHER_WAYS =
  /^--(?:(?:experimental-)?(?:loader|default-type|policy|permission|strip-types|transform-types|wasm-modules|addon-modules|network-imports|specifier-resolution|config-file|default-config-file|package-map|vfs|test-module-mocks)$|input-type$|trace-sync-io$|preserve-symlinks|no-(?:experimental-)?(?:require-module|detect-module|strip-types|addons|global-search-paths)$|entry-url$|test$|watch(?:-path|-preserve-output)?$|build-|snapshot-blob)/;
// What stands where an entry point does is none.
const NO_ENTRY = /^(?:-e|-p|-i|--(?:eval|print|interactive))$/;
const TELLS_OF_LOADING = /(?:^|,)(?:module|esm|[^,]*\*[^,]*)(?:,|$)/i;
// Flags that V8 knows nothing of, so that its code caches are those of a start without any.
const NODE_ALONE = /^(?:-r|-C|--(?:require|import|conditions|enable-source-maps|no-warnings|trace-warnings|env-file|title))$/;

/** Return what a start was given, or null where nothing is to be done. */
module.exports = function readGiven(fs, load, hookFile) {
  if (process.permission !== undefined) return null;
  const { env } = process;
  const log = env.ESMCACHE_LOG ? load(fs, 'log.cjs')(fs, env.ESMCACHE_LOG) : null;
  const given = { isWorker: false, told: undefined, conditions: [], observed: false, v8: false, reason: '', log };
  // As starting.cjs knows it.
  if (process.abort.disabled === true) {
    const { getEnvironmentData, isInternalThread } = process.getBuiltinModule('node:worker_threads');
    given.isWorker = true;
    given.told = getEnvironmentData(WORKER_KEY);
    // In the thread of asynchronous hooks Node 22 can load nothing once synchronous ones are registered.
    if (given.told === undefined || isInternalThread) return null;
  }
  return readFlags(fs, hookFile, given) ? given : null;
};

/** Add what the flags say, and return whether there is an entry point. */
// In their order: NODE_OPTIONS come before the command line's.
function readFlags(fs, hookFile, flags) {
  const { env, execArgv } = process;
  const options = env.NODE_OPTIONS;
  if (env.NODE_PRESERVE_SYMLINKS === '1' || env.NODE_PRESERVE_SYMLINKS_MAIN === '1') {
    flags.reason = 'flag --preserve-symlinks in the environment';
  }
  // Node then tells on stderr how it finds and loads modules, and that is what somebody wants to see.
  if (TELLS_OF_LOADING.test(env.NODE_DEBUG)) flags.reason = 'flag NODE_DEBUG of module or esm';
  const all = [];
  if (options) {
    const words = options.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) || [];
    // Within quotes a backslash stands for the character after it, as Node reads them.
    const read = (quoted, inner) => inner.replace(/\\(.)/g, '$1');
    for (let i = 0; i < words.length; i++) all.push(words[i].replace(/"((?:\\.|[^"\\])*)"/g, read));
  }
  for (let i = 0; i < execArgv.length; i++) all.push(execArgv[i]);

  let isFirst = null;
  for (let i = 0; i < all.length; i++) {
    const flag = all[i].startsWith('--') ? all[i].split('=', 1)[0].replace(/_/g, '-') : all[i].slice(0, 2);
    const value = () => (all[i].startsWith('--') && all[i].includes('=') ? all[i].slice(all[i].indexOf('=') + 1) : all[++i]);
    if (NO_ENTRY.test(flag)) return false;
    if (OTHER_WAYS.test(flag)) flags.reason = `flag ${flag}`;
    else if (/^--(?:inspect|experimental-test-coverage)/.test(flag)) flags.observed = true;
    else if (!NODE_ALONE.test(flag)) flags.v8 = true;
    else if (flag === '--conditions' || flag === '-C') flags.conditions.push(value());
    else if (flag === '--require' || flag === '-r') {
      const named = value();
      if (isFirst === null) isFirst = isHook(fs, named, hookFile);
    } else if (flag === '--import') value();
  }
  // What an earlier preload registered would be passed over, since the hook that was registered last is asked first.
  if (!isFirst) flags.reason = 'flag --require of another preload, before ours';
  return true;
}

function isHook(fs, named, hookFile) {
  return named === hookFile || (fs.existsSync(named) && fs.realpathSync(named) === hookFile);
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:flags.cjs
