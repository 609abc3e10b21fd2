'use strict';
// Serves the program that is starting: reads its manifest and registers the hooks.

const { getBuiltinModule, getuid } = process;

const MAGIC = 0x4d4d5345;
const VERSION = 6;
const LARGEST = 256 * 1024 * 1024;
const HEADER_SIZE = 128;
// What workers are told, as flags.cjs asks for it.
const WORKER_KEY = 'esmcache:manifest';

/** Serve the program and return '', or why it is not served. */
module.exports = (function serve(fs, load, hookFile, directory, file, status, given, Module, codeCaches) {
  const { told } = given;
  if (typeof Module.registerHooks !== 'function') return 'flag: a Node without module.registerHooks';
  const { crc32 } = load.binding('zlib') ?? getBuiltinModule('node:zlib');
  const bytes = readSound(fs, crc32, file, status);
  if (bytes === null) return 'no manifest';
  const header = new Uint32Array(bytes.buffer, 0, HEADER_SIZE / 4);
  // Another program's manifest may have the same name: nothing that it leads to is used before that is known.
  const manifest = load(fs, 'manifest.cjs')(bytes, header, told.identity);
  if (manifest === null) return 'no manifest';
  const loaded = codeCaches.became === '' ? load(fs, 'quarantine.cjs')(fs, header, directory, codeCaches, given) : null;
  const report = load(fs, 'hooks.cjs')({
    Module,
    manifest,
    binding: load.binding('fs') ?? {},
    packsDirectory: `${directory}/packs`,
    hookFile,
    // After the entry point, the version and the architecture.
    conditions: told.identity.split('\0').slice(3),
    tellWorkers: () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, told),
    loaded,
  });
  if (report === null) return 'flag: hooks of another preload, before ours';
  report.codeCaches = codeCaches.became;
  load(fs, 'telling.cjs').tellAtExit(fs, load, directory, given, manifest, report, loaded, codeCaches.close);
  return '';
});

/** Return the bytes of a manifest with this status, or null where it is damaged or alien; throws if it is gone. */
const readSound = (function readSound(fs, crc32, file, status) {
  // Looked at before it is opened, not to wait for whoever would write into a FIFO.
  if (!status.isFile() || status.uid !== getuid() || (status.mode & 0o022) !== 0) return null;
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
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:serving.cjs
