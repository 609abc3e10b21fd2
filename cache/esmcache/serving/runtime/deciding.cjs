'use strict';
// Has a program served whose manifest is there, or else told why it is not served. Code caches that an earlier start is
// known to have loaded are used at once, since what is loaded from there on has code caches itself.

const { env, getBuiltinModule, getuid, version } = process;
const QUIETLY = { __proto__: null, throwIfNoEntry: false };

const MAGIC = 0x4d4d5345;
const VERSION = 5;
const LARGEST = 256 * 1024 * 1024;
const HEADER_SIZE = 128;
// A checksum and a process number, or a word, are shorter.
const LONGEST_MARK = 64;

const line = parseInt(version.slice(1), 10);
// Past objects and modules that cost more than what is wanted of them. Where asking for a binding would warn, the function
// is another one's child.
const isQuiet = line <= 26 && Object.getPrototypeOf(process.binding) === Function.prototype;
/** Return Node's binding, or null where it is not to be had without a word. */
const binding = (function binding(name) {
  return isQuiet ? process.binding(name) : null;
});

/** Return whether the program is served. */
module.exports = (function decide(fs, load, hookFile, directory, file, isThere, given) {
  const { S_IFMT, S_IFDIR } = fs.constants;
  const status = fs.statSync(directory, QUIETLY);
  // What others can write may hold anything.
  const isOurs = status !== undefined && (status.mode & (S_IFMT | 0o022)) === S_IFDIR && status.uid === getuid();
  if (!isOurs && given.log === null) return false;
  let reason = isOurs ? given.reason : given.log.whyRefused(status);
  if (reason === '') {
    const { crc32 } = isThere ? (binding('zlib') ?? getBuiltinModule('node:zlib')) : {};
    const bytes = isThere ? readSound(fs, crc32, file) : null;
    if (bytes === null) reason = 'no manifest';
    else {
      const Module = getBuiltinModule('node:module');
      const header = new Uint32Array(bytes.buffer, 0, HEADER_SIZE / 4);
      const codeCaches = useProven(fs, Module, directory, `${directory}/starts/${given.told.name}`, header[3], given);
      const found = { Module, bytes, header, crc32, binding: binding('fs') ?? {}, codeCaches };
      reason = load(fs, 'serving.cjs')(fs, load, hookFile, directory, given, found);
    }
  }
  if (reason !== '') load(fs, 'telling.cjs').teller(fs, isOurs ? directory : null, given)({ served: 0, reason });
  return reason === '';
});

/** Return the bytes of a manifest, or null where it is damaged, alien or gone. */
const readSound = (function readSound(fs, crc32, file) {
  const status = fs.statSync(file, QUIETLY);
  // Looked at before it is opened, not to wait for whoever would write into a FIFO.
  if (!status?.isFile() || status.uid !== getuid() || (status.mode & 0o022) !== 0) return null;
  const { size } = status;
  if (size < HEADER_SIZE || size > LARGEST) return null;
  const bytes = new Uint8Array(size);
  const descriptor = fs.openSync(file);
  try {
    if (fs.readSync(descriptor, bytes, 0, size, 0) !== size) return null;
  } finally {
    fs.closeSync(descriptor);
  }
  const header = new Uint32Array(bytes.buffer, 0, 4);
  const isSound = header[0] === MAGIC && header[1] === VERSION && header[2] === size;
  return isSound && crc32(bytes.subarray(16), 0) === header[3] ? bytes : null;
});

/** Use the code caches if a start with this very manifest is known to have loaded them; return what became of them so far. */
const useProven = (function useProven(fs, Module, directory, mark, checksum, given) {
  const enable = () => enableAt(Module, `${directory}/v8`);
  const codeCaches = { became: '', mark, checksum, said: '', enable };
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || given.observed) {
    codeCaches.became = 'left off';
  } else if (!fs.existsSync(`${directory}/v8`)) {
    // Node makes a directory that is missing, but loops for ever where that cannot be done (22 to 26, below /proc).
    codeCaches.became = 'none';
  } else {
    codeCaches.said = lastStart(fs, mark);
    // Under other flags of V8 the manifest has to be asked.
    if (codeCaches.said === `${checksum} loaded` && !given.v8) codeCaches.became = enable();
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
  const answer = Module.enableCompileCache(line < 26 ? directory : { directory, readOnly: true, portable: false });
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:deciding.cjs
