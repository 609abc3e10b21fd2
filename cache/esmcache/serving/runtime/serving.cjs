'use strict';
// Serves the program that is starting, whose manifest is sound: registers the hooks.

const { getBuiltinModule } = process;

// What workers are told, as flags.cjs asks for it.
const WORKER_KEY = 'esmcache:manifest';

/** Serve the program and return '', or why it is not served. */
module.exports = (function serve(fs, load, hookFile, directory, given, found) {
  const { Module, bytes, header, crc32, binding, codeCaches } = found;
  const { told } = given;
  if (typeof Module.registerHooks !== 'function') return 'flag: a Node without module.registerHooks';
  const loaded = codeCaches.became === '' ? load(fs, 'quarantine.cjs')(fs, header, directory, codeCaches, given) : null;
  const manifest = load(fs, 'manifest.cjs')(bytes, header, told.identity);
  if (manifest === null) return 'no manifest';
  const report = load(fs, 'hooks.cjs')({
    Module,
    manifest,
    crc32,
    binding,
    packsDirectory: `${directory}/packs`,
    hookFile,
    // After the entry point, the version and the architecture.
    conditions: told.identity.split('\0').slice(3),
    tellWorkers: () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, told),
    loaded,
  });
  if (report === null) return 'flag: hooks of another preload, before ours';
  report.codeCaches = codeCaches.became;
  load(fs, 'telling.cjs').tellAtExit(fs, load, directory, given, manifest, report, loaded);
  return '';
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:serving.cjs
