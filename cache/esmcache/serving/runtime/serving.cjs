'use strict';
// Serves the program that is starting: reads its manifest and registers the hooks.

const { getBuiltinModule, getuid } = process;

// Generated from serving/layout.py.
const MAGIC = 0x4d4d5345;
const VERSION = 8;
const HEADER_SIZE = 128;
// End of what is generated.
const LARGEST = 256 * 1024 * 1024;
// The key under which flags.cjs reads a program's identity in its workers.
const WORKER_KEY = 'esmcache:manifest';

/** Serve the program and return '', or return why it cannot be served. */
module.exports = (function serve(fs, load, hookFile, directory, file, status, given, Module, codeCaches) {
  const { program } = given;
  if (typeof Module.registerHooks !== 'function') return 'flag: a Node without module.registerHooks';
  const { crc32 } = load.binding('zlib') ?? getBuiltinModule('node:zlib');
  const bytes = readSound(fs, crc32, file, status);
  if (bytes === null) return 'no manifest';
  const header = new Uint32Array(bytes.buffer, 0, HEADER_SIZE / 4);
  // Names can collide, so manifest.cjs compares the program's identity before anything else is used.
  const manifest = load(fs, 'manifest.cjs')(bytes, header, program.identity);
  if (manifest === null) return 'no manifest';
  const loaded = codeCaches.outcome === '' ? load(fs, 'quarantine.cjs')(fs, header, directory, codeCaches, given) : null;
  const report = load(fs, 'hooks.cjs')({
    Module,
    manifest,
    binding: load.binding('fs') ?? {},
    packsDirectory: `${directory}/packs`,
    hookFile,
    // They follow the entry point, the version and the architecture.
    conditions: program.identity.split('\0').slice(3),
    passToWorkers: () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, program),
    loaded,
  });
  if (report === null) return 'flag: hooks of another preload, before ours';
  report.codeCaches = codeCaches.outcome;
  load(fs, 'reporting.cjs').reportAtExit(fs, load, directory, given, manifest, report, loaded, codeCaches.close);
  return '';
});

/** Return the bytes of a manifest, or null if it is damaged or others could write it; throws if it is gone. */
const readSound = (function readSound(fs, crc32, file, status) {
  // The check comes before opening: opening a FIFO would wait for a writer.
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
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:serving.cjs
