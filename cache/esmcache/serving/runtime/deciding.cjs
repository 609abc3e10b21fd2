'use strict';
// Has a program served whose manifest is there, or else told why it is not served. Code caches that an earlier start is
// known to have loaded are used at once, since what is loaded from there on has code caches itself.

const { env, getBuiltinModule, getuid, version } = process;
const QUIETLY = { __proto__: null, throwIfNoEntry: false };

// What tells a manifest from others and a process number, or a word, are shorter.
const LONGEST_MARK = 64;

/** Return whether the program is served. */
module.exports = (function decide(fs, load, hookFile, directory, file, isThere, given) {
  const { S_IFMT, S_IFDIR } = fs.constants;
  const holder = fs.statSync(directory, QUIETLY);
  // What others can write may hold anything.
  const isOurs = holder !== undefined && (holder.mode & (S_IFMT | 0o022)) === S_IFDIR && holder.uid === getuid();
  if (!isOurs && given.log === null) return false;
  let reason = isOurs ? given.reason : given.log.whyRefused(holder);
  if (reason === '') {
    const status = isThere ? fs.statSync(file, QUIETLY) : undefined;
    if (status === undefined) reason = 'no manifest';
    else {
      const Module = getBuiltinModule('node:module');
      const codeCaches = useProven(fs, Module, directory, `${directory}/starts/${given.told.name}`, status, given);
      reason = load(fs, 'serving.cjs')(fs, load, hookFile, directory, file, status, given, Module, codeCaches);
    }
  }
  if (reason !== '') load(fs, 'telling.cjs').teller(fs, isOurs ? directory : null, given)({ served: 0, reason });
  return reason === '';
});

/** Use the code caches if a start with this very manifest is known to have loaded them; return what became of them so far. */
const useProven = (function useProven(fs, Module, directory, mark, { ino, ctimeMs }, given) {
  const enable = () => enableAt(Module, `${directory}/v8`);
  // Whatever is written changes that time.
  const codeCaches = { became: '', mark, manifest: `${ino}-${ctimeMs}`, said: '', enable };
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || given.observed) {
    codeCaches.became = 'left off';
  } else if (!fs.existsSync(`${directory}/v8`)) {
    // Node makes a directory that is missing, but loops for ever where that cannot be done (22 to 26, below /proc).
    codeCaches.became = 'none';
  } else {
    codeCaches.said = lastStart(fs, mark);
    // Under other flags of V8 the manifest has to be asked.
    if (codeCaches.said === `${codeCaches.manifest} loaded` && !given.v8) codeCaches.became = enable();
  }
  return codeCaches;
});

/** Return what the last start of a program with code caches said of itself, '' where that cannot be known. */
const lastStart = (function lastStart(fs, file) {
  try {
    const status = fs.statSync(file, QUIETLY);
    // What is no file may be read without an end. Text as UTF-8 Node has from the system at once.
    return status?.isFile() && status.size <= LONGEST_MARK ? fs.readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
});

/** Point Node's compile cache at the code caches and return what became of it. */
const enableAt = (function enableAt(Module, directory) {
  // From Node 26 on the cache can be read without being written at exit.
  const isWritten = parseInt(version.slice(1), 10) < 26;
  const answer = Module.enableCompileCache(isWritten ? directory : { directory, readOnly: true, portable: false });
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:deciding.cjs
