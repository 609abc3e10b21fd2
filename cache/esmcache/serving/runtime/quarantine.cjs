'use strict';
// Decides whether a start may use code caches that no start is known to have loaded. Such a start writes its process
// number into its mark, and replaces it by "loaded" once all modules are there that load before any of them runs. A
// death after that has other causes. If a later start finds the number of a dead process, the code caches are in
// quarantine until a warm has made them again.

const { arch, getBuiltinModule, geteuid, kill, pid, version } = process;
const { apply } = Reflect;

// Generated from serving/layout.py.
const HEADER_V8_TAG = 23;
const HEADER_FLAGS = 24;
const HEADER_DOMAIN = 26;
const HAS_CODE_CACHES = 1;
const UNKNOWN_LAYOUT = 4;
const COUNTS_CALLS = 8;
// End of what is generated.

/** Enable the code caches if they may be used; return a function to call once the program is loaded, or null. */
module.exports = function judge(fs, load, header, directory, codeCaches, { isWorker, v8 }) {
  const hex = (number) => number.toString(16).padStart(8, '0');
  let domain = '';
  for (let i = HEADER_DOMAIN; i < HEADER_DOMAIN + 4; i++) domain += hex(header[i]);
  const name = `${version}-${arch}-${hex(header[HEADER_V8_TAG])}-${geteuid()}`;
  const place = `${domain}/${name}`;
  const state = codeCaches.look(place);
  codeCaches.outcome = reasonAgainst(header, codeCaches, isWorker, v8, state, `${directory}/seals/${domain}-${name}`);
  if (codeCaches.outcome !== '') return null;
  const mayCount = (header[HEADER_FLAGS] & COUNTS_CALLS) !== 0;
  // deciding.cjs knows only the first word, so this file is loaded in every start of a program that may count its calls.
  const success = `${mayCount ? 'loaded-by-link' : 'loaded'} ${state}`;
  const isProven = codeCaches.said === `${codeCaches.manifest} ${success}`;
  const loaded = isProven || isWorker ? null : watch(fs, `${directory}/starts`, codeCaches, success);
  if (mayCount) load(fs, 'counting.cjs')(fs, load.binding('inspector'), `${directory}/live`, place, codeCaches);
  else codeCaches.outcome = codeCaches.enable(place);
  return loaded;
};

function reasonAgainst(header, codeCaches, isWorker, v8, state, seal) {
  if (!(header[HEADER_FLAGS] & HAS_CODE_CACHES)) return header[HEADER_FLAGS] & UNKNOWN_LAYOUT ? 'unknown layout' : 'none';
  // Under other flags of V8, Node would use another directory, named by another tag, and write into it.
  if (v8 && getBuiltinModule('node:v8').cachedDataVersionTag() !== header[HEADER_V8_TAG]) return 'other flags';
  if (hasDiedLoading(codeCaches, isWorker)) return 'quarantined';
  return isSealed(state, codeCaches.read(seal)) ? '' : 'unsealed';
}

/** Return whether a directory is as its seal says. Python formats the numbers in another way. */
function isSealed(state, seal) {
  const [inode, changed] = state.slice(state.indexOf(' ') + 1).split('-');
  const [sealedInode, sealedChanged] = seal.split('\n', 1)[0].split('-');
  return state !== '' && Number(inode) === Number(sealedInode) && Number(changed) === Number(sealedChanged);
}

function hasDiedLoading({ said, manifest }, isWorker) {
  const [which, word] = said.split(' ');
  const number = Number(word);
  if (which !== manifest || !(number > 0)) return false;
  // In a container every start may have the same number. A worker has the number of its own program.
  if (number === pid) return !isWorker;
  try {
    apply(kill, process, [number, 0]);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function watch(fs, directory, { mark, manifest, identity }, success) {
  const { openSync, writeSync, closeSync, existsSync, mkdirSync } = fs;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  function write(word) {
    try {
      if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
      const descriptor = openSync(mark, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOFOLLOW, 0o600);
      try {
        writeSync(descriptor, `${manifest} ${word}\n${identity}`);
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // A cache that cannot be written has no marks, and so no quarantine.
    }
  }
  write(pid);
  let isLoaded = false;
  return function loaded() {
    if (!isLoaded) write(success);
    isLoaded = true;
  };
}
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:quarantine.cjs
