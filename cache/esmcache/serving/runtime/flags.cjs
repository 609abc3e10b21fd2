'use strict';
// Reads the flags of a start and, in a worker, the program's identity. Most starts have only our preload as a flag, and
// do not load this file.

// The key under which serving.cjs passes the program's identity to workers.
const WORKER_KEY = 'esmcache:manifest';
// A program is served only if all of its flags are listed here. Listed flags, alone or after `no-`, do not change how
// modules are found and loaded; tests/test_every_flag.py starts a program under each.
// Flags that V8 does not know. Its tag is that of a start without flags.
const NODE_ALONE = ` async-context-frame, cpu-prof, cpu-prof-dir, cpu-prof-interval, cpu-prof-name,
  debug-arraybuffer-allocations, debug-port, deprecation, diagnostic-dir, disable-proto, disable-sigusr1,
  disable-warning, disable-wasm-trap-handler, dns-result-order, enable-fips, enable-network-family-autoselection,
  enable-source-maps, env-file, env-file-if-exists, experimental-abortcontroller, experimental-addon-modules,
  experimental-async-context-frame, experimental-eventsource, experimental-fetch, experimental-global-customevent,
  experimental-global-navigator, experimental-global-webcrypto, experimental-import-meta-resolve,
  experimental-import-text, experimental-json-modules, experimental-modules, experimental-repl-await,
  experimental-report, experimental-sqlite,
  experimental-test-tag-filter, experimental-top-level-await, experimental-vm-modules,
  experimental-wasi-unstable-preview1, experimental-websocket, experimental-webstorage, experimental-worker,
  extra-info-on-fatal-exception, force-async-hooks-checks, force-context-aware, force-fips,
  force-node-api-uncaught-exceptions-policy, frozen-intrinsics, heap-prof, heap-prof-dir, heap-prof-interval,
  heap-prof-name, heapsnapshot-near-heap-limit, heapsnapshot-signal, http-parser, icu-data-dir, import,
  insecure-http-parser, inspect-port, inspect-publish-uid, localstorage-file, max-http-header-size, napi-modules,
  network-family-autoselection, network-family-autoselection-attempt-timeout, node-memory-debug, node-snapshot,
  openssl-config, openssl-legacy-provider, openssl-shared-config, pending-deprecation, redirect-warnings,
  report-compact, report-dir, report-directory, report-exclude-env, report-exclude-network, report-filename,
  report-on-fatalerror, report-on-signal, report-signal, report-uncaught-exception, secure-heap, secure-heap-min,
  test-concurrency, test-coverage-branches, test-coverage-exclude, test-coverage-functions, test-coverage-include,
  test-coverage-include-all, test-coverage-lines, test-force-exit, test-global-setup, test-name-pattern,
  test-only, test-random-seed, test-randomize, test-reporter, test-reporter-destination, test-rerun-failures,
  test-shard, test-skip-pattern, test-timeout, test-update-snapshots, throw-deprecation, title, tls-cipher-list,
  tls-keylog, tls-max-v1.2, tls-max-v1.3, tls-min-v1.0, tls-min-v1.1, tls-min-v1.2, tls-min-v1.3, trace-atomics-wait,
  trace-deprecation, trace-env, trace-env-js-stack, trace-env-native-stack, trace-event-categories,
  trace-event-file-pattern, trace-events-enabled, trace-exit, trace-promises, trace-sigint, trace-tls, trace-uncaught,
  trace-warnings, track-heap-objects, unhandled-rejections, use-bundled-ca, use-env-proxy, use-largepages,
  use-openssl-ca, use-system-ca, v8-pool-size, verify-base-objects, warnings, watch-kill-signal, webstorage,
  worker-snapshot, zero-fill-buffers,`;
// Flags that V8 may know. Code caches are used only if V8's tag is that of the manifest.
const V8_TOO = ` abort-on-uncaught-exception, always-sparkplug, compilation-cache, concurrent-recompilation, concurrent-sparkplug,
  detect-ineffective-gcs-near-heap-limit, disallow-code-generation-from-strings, enable-etw-stack-walking, expose-gc,
  flush-bytecode, gc-global, gc-interval, hash-seed, huge-max-old-generation-size, incremental-marking, initial-heap-size,
  initial-old-space-size, interpreted-frames-native-stack, jitless, lazy, lite-mode, log, log-code, log-deopt, logfile,
  logfile-per-isolate, maglev, max-heap-size, max-lazy, max-old-space-size, max-old-space-size-percentage,
  max-semi-space-size, min-semi-space-size, opt, optimize-for-size, perf-basic-prof, perf-basic-prof-only-functions,
  perf-prof, perf-prof-unwinding-info, predictable, predictable-gc-schedule, prof, prof-sampling-interval, random-seed,
  semi-space-growth-factor, single-threaded, single-threaded-gc, sparkplug, stack-size, stack-trace-limit, trace-deopt,
  trace-gc, trace-gc-nvp, trace-gc-verbose, trace-opt, turbofan,`;
// Flags under which a user watches the compiled code: no code caches.
const WATCHING_COMPILATION = ' experimental-test-coverage, inspect, inspect-brk, inspect-wait,';
// Flags that are harmless only without `no-`.
const HARMLESS_UNLESS_NEGATED = ' addons, experimental-detect-module, experimental-require-module, global-search-paths, require-module,';
const isOn = (list, name) => list.includes(` ${name},`) || (name.startsWith('no-') && list.includes(` ${name.slice(3)},`));
// Flags by which a version of Node does what others do by default, or differently; `isHarmlessHere` knows the versions.
const HARMLESS_IN_SOME = ' experimental-strip-types, experimental-test-module-mocks, experimental-wasm-modules, strip-types,';
// `node --test` passes this default to each test file. V8's tag does not depend on flags that have their default.
const V8_DEFAULT = '--stack-trace-limit=10';
// Flags under which there is no entry point.
const NO_ENTRY = /^(?:-e|-p|-pe|-i|--(?:eval|print|interactive))$/;
const PRINTS_LOADING = /(?:^|,)(?:module|esm|[^,]*\*[^,]*)(?:,|$)/i;
/** Return what a start was given, or null if it is neither served nor reported. */
module.exports = function readGiven(fs, load, hookFile) {
  if (process.permission !== undefined) return null;
  const { env } = process;
  const log = env.ESMCACHE_LOG ? load(fs, 'log.cjs')(fs, env.ESMCACHE_LOG) : null;
  const given = { isWorker: false, program: undefined, conditions: [], observed: false, v8: false, reason: '', log };
  // This is a worker (see starting.cjs).
  if (process.abort.disabled === true) {
    const { getEnvironmentData, isInternalThread } = process.getBuiltinModule('node:worker_threads');
    given.isWorker = true;
    given.program = getEnvironmentData(WORKER_KEY);
    // In the thread of asynchronous hooks Node 22 can load nothing once synchronous ones are registered.
    if (given.program === undefined || isInternalThread) return null;
  }
  return readFlags(fs, hookFile, given) ? given : null;
};

/** Return whether this Node finds and loads modules under a flag as without it. */
function isHarmlessHere(name) {
  const [major, minor, patch] = process.versions.node.split('.').map(Number);
  const isFrom = (line, first, second) => major === line && (minor > first || (minor === first && patch >= second));
  // Other mocks are asynchronous hooks, which Node asks after ours. These are hooks that are registered after ours.
  if (name === 'experimental-test-module-mocks') return major > 25 || isFrom(25, 1, 0) || isFrom(24, 11, 1);
  if (name === 'experimental-wasm-modules') return major > 24 || isFrom(24, 5, 0) || isFrom(22, 19, 0);
  return major > 23 || isFrom(22, 18, 0);
}

/** Add what the flags say to `flags`, and return whether there is an entry point. */
// NODE_OPTIONS come before the flags of the command line, as in Node.
function readFlags(fs, hookFile, flags) {
  const { env, execArgv } = process;
  const options = env.NODE_OPTIONS;
  if (env.NODE_PRESERVE_SYMLINKS === '1' || env.NODE_PRESERVE_SYMLINKS_MAIN === '1') {
    flags.reason = 'flag --preserve-symlinks in the environment';
  }
  // Node then prints how it finds and loads modules, so it must do so itself.
  if (PRINTS_LOADING.test(env.NODE_DEBUG)) flags.reason = 'flag NODE_DEBUG of module or esm';
  const all = [];
  if (options) {
    const words = options.match(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g) || [];
    // As in Node, a backslash within quotes stands for the character after it.
    const read = (quoted, inner) => inner.replace(/\\(.)/g, '$1');
    for (let i = 0; i < words.length; i++) all.push(words[i].replace(/"((?:\\.|[^"\\])*)"/g, read));
  }
  for (let i = 0; i < execArgv.length; i++) all.push(execArgv[i]);

  let isFirst = null;
  let isTestRunner = false;
  let isolation = '';
  for (let i = 0; i < all.length; i++) {
    const one = all[i];
    // This is the value of the flag before it. Node accepts no separate value that begins with a hyphen.
    if (!one.startsWith('-')) continue;
    const flag = one.startsWith('--') ? one.split('=', 1)[0].replace(/_/g, '-') : one;
    const value = () => (one.includes('=') ? one.slice(one.indexOf('=') + 1) : all[i + 1]);
    const name = flag[1] === '-' ? flag.slice(2) : '';
    if (NO_ENTRY.test(flag)) return false;
    if (flag === '--conditions' || flag === '-C') {
      // `node --test` repeats the conditions for each test file.
      if (!flags.conditions.includes(value())) flags.conditions.push(value());
    } else if (flag === '--test') isTestRunner = true;
    else if (flag === '--test-isolation' || flag === '--experimental-test-isolation') isolation = value();
    else if (flag === '--require' || flag === '-r') {
      if (isFirst === null) isFirst = isHook(fs, value(), hookFile);
    } else if (isOn(WATCHING_COMPILATION, name)) flags.observed = true;
    else if (isOn(V8_TOO, name)) flags.v8 ||= one.replace(/_/g, '-') !== V8_DEFAULT;
    else if (isOn(NODE_ALONE, name) || HARMLESS_UNLESS_NEGATED.includes(` ${name},`)) continue;
    else if (!HARMLESS_IN_SOME.includes(` ${name},`) || !isHarmlessHere(name)) flags.reason = `flag ${flag}`;
  }
  if (isTestRunner) {
    // Only with this isolation does the process itself load the test files, whose names and patterns are in `argv`.
    if (isolation !== 'none' || process.argv.length < 2) return false;
    const file = process.getBuiltinModule('node:path').resolve(process.argv[1]);
    if (!fs.statSync(file, { __proto__: null, throwIfNoEntry: false })?.isFile()) return false;
    flags.started = fs.realpathSync(file);
  }
  // Our hooks would be asked first and pass over those that an earlier preload registered.
  if (!isFirst) flags.reason = 'flag --require of another preload, before ours';
  return true;
}

function isHook(fs, named, hookFile) {
  return named === hookFile || (fs.existsSync(named) && fs.realpathSync(named) === hookFile);
}
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:flags.cjs
