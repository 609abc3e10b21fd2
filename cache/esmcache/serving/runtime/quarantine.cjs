'use strict';
// Judges code caches that no start was seen to load. Once a start has died while it was loading them they are in quarantine
// until a warm has made them anew: such a start writes its process number into a file, and "loaded" when all is there that
// is loaded before anything runs. Who is killed later was not killed by what it loaded.

const { getBuiltinModule, kill, pid } = process;
const { apply } = Reflect;

// Words of a manifest's header.
const [V8_TAG, FLAGS] = [23, 24];
const HAS_CODE_CACHES = 1;

/** Use code caches unless something speaks against them; return what to call once the program is loaded, if anything. */
module.exports = function judge(fs, header, directory, codeCaches, { isWorker, v8 }) {
  codeCaches.became = whyNot(header, codeCaches, isWorker, v8);
  if (codeCaches.became !== '') return null;
  const isProven = codeCaches.said === `${codeCaches.manifest} loaded`;
  const loaded = isProven || isWorker ? null : watch(fs, `${directory}/starts`, codeCaches);
  codeCaches.became = codeCaches.enable();
  return loaded;
};

function whyNot(header, codeCaches, isWorker, v8) {
  if (!(header[FLAGS] & HAS_CODE_CACHES)) return 'none';
  // Under other flags of V8 Node would look into another, unfilled directory, and fill it.
  if (v8 && getBuiltinModule('node:v8').cachedDataVersionTag() !== header[V8_TAG]) return 'other flags';
  return hasDiedLoading(codeCaches, isWorker) ? 'quarantined' : '';
}

function hasDiedLoading({ said, manifest }, isWorker) {
  const [which, word] = said.split(' ');
  const number = Number(word);
  if (which !== manifest || !(number > 0)) return false;
  // In a container every start may have the same number.
  if (number === pid) return !isWorker;
  try {
    apply(kill, process, [number, 0]);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function watch(fs, directory, { mark, manifest }) {
  const { openSync, writeSync, closeSync, existsSync, mkdirSync } = fs;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = fs.constants;
  function write(word) {
    try {
      if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
      const descriptor = openSync(mark, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o600);
      try {
        writeSync(descriptor, `${manifest} ${word}`);
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
//# sourceURL=esmcache:quarantine.cjs
