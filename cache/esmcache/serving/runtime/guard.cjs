'use strict';
// Keeps the code caches of a program away from its starts once one has died while it was loading them, until a warm has
// made them anew. A start of a program that was never seen to load writes its process number into a file, and "loaded"
// when all is there that is loaded before anything runs: who is killed later was not killed by what it loaded.

const { pid, kill } = process;
const { apply } = Reflect;

/** Return what to call once the program is loaded, or null where its code caches are in quarantine. */
module.exports = function guard(fs, directory, name, checksum, said, isWorker) {
  const { openSync, writeSync, closeSync, existsSync, mkdirSync } = fs;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = fs.constants;
  const [which, number] = said.split(' ');
  if (which === String(checksum) && hasDied(Number(number), isWorker)) return null;
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
  if (isWorker) return () => {};
  write(pid);
  let isLoaded = false;
  return () => {
    if (!isLoaded) write('loaded');
    isLoaded = true;
  };
};

function hasDied(number, isWorker) {
  // In a container every start may have the same number.
  if (number === pid) return !isWorker;
  if (!(number > 0)) return false;
  try {
    apply(kill, process, [number, 0]);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:guard.cjs
