'use strict';
// Points Node's compile cache at the code caches, unless something speaks against them. Once a start has died while it was
// loading them they are in quarantine until a warm has made them anew: a start of a program that was never seen to load
// writes its process number into a file, and "loaded" when all is there that is loaded before anything runs. Who is killed
// later was not killed by what it loaded.

const { env, getBuiltinModule, kill, pid, version } = process;
const { apply } = Reflect;

// Words of a manifest's header.
const [CHECKSUM, V8_TAG, FLAGS] = [3, 23, 24];
const HAS_CODE_CACHES = 1;
// A checksum and a process number, or a word, are shorter.
const LONGEST_WORD = 64;

/** Return what became of the code caches, and what to call once the program is loaded, if anything. */
module.exports = (function useCodeCaches(fs, Module, header, directory, given) {
  const { isWorker } = given;
  const { name } = given.told;
  const codeCaches = `${directory}/v8`;
  const reason = whyNot(fs, header, codeCaches, given);
  if (reason !== '') return { codeCaches: reason, loaded: null };
  const checksum = header[CHECKSUM];
  const said = lastStart(fs, `${directory}/starts/${name}`);
  const isProven = said === `${checksum} loaded`;
  if (!isProven && hasDiedLoading(said, checksum, isWorker)) return { codeCaches: 'quarantined', loaded: null };
  const loaded = isProven || isWorker ? null : watch(fs, `${directory}/starts`, name, checksum);
  return { codeCaches: enable(Module, codeCaches), loaded };
});

const whyNot = (function whyNot(fs, header, directory, given) {
  // Node makes a directory that is missing, but loops for ever where that cannot be done (22 to 26, below /proc).
  if (!(header[FLAGS] & HAS_CODE_CACHES) || !fs.existsSync(directory)) return 'none';
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || given.observed) return 'left off';
  // Under other flags of V8 Node would look into another, unfilled directory, and fill it.
  if (given.v8 && getBuiltinModule('node:v8').cachedDataVersionTag() !== header[V8_TAG]) return 'other flags';
  return '';
});

const enable = (function enable(Module, directory) {
  // From Node 26 on the cache can be read without being written at exit.
  const takesOptions = parseInt(version.slice(1), 10) >= 26;
  const answer = Module.enableCompileCache(takesOptions ? { directory, readOnly: true, portable: false } : directory);
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
});

const lastStart = (function lastStart(fs, file) {
  const { O_RDONLY, O_NONBLOCK } = fs.constants;
  try {
    const status = fs.statSync(file, { __proto__: null, throwIfNoEntry: false });
    // What is no file may be read without an end.
    if (status === undefined || !status.isFile() || status.size > LONGEST_WORD) return '';
    return fs.readFileSync(file, { encoding: 'latin1', flag: O_RDONLY | O_NONBLOCK });
  } catch {
    return '';
  }
});

function hasDiedLoading(said, checksum, isWorker) {
  const [which, word] = said.split(' ');
  const number = Number(word);
  if (which !== String(checksum) || !(number > 0)) return false;
  // In a container every start may have the same number.
  if (number === pid) return !isWorker;
  try {
    apply(kill, process, [number, 0]);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function watch(fs, directory, name, checksum) {
  const { openSync, writeSync, closeSync, existsSync, mkdirSync } = fs;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = fs.constants;
  function write(word) {
    try {
      if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
      const descriptor = openSync(`${directory}/${name}`, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o600);
      try {
        writeSync(descriptor, `${checksum} ${word}`);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // Where nothing can be written there are no starts to compare with.
    }
  }
  write(pid);
  let isLoaded = false;
  return function loaded() {
    if (!isLoaded) write('loaded');
    isLoaded = true;
  };
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:code_caches.cjs
