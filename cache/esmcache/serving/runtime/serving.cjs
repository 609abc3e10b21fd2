'use strict';
// Serves the program that is starting: reads its manifest and registers the hooks. serving/manifest.py writes manifests
// and describes the bytes. Only the URLs are decoded at once, since they are keys. For the parentheses around functions
// see starting.cjs.
// Numbers in a manifest may point outside of their table. The bounds of tables, and the URLs, kinds and requests of
// modules, are checked at once. Other numbers that point outside yield undefined, or throw if they are of a string:
// hooks.cjs then lets Node answer.

const { getBuiltinModule, getuid } = process;
const MOST_SKIPPED = 8;
const { min, ceil } = Math;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const slice = uncurry(String.prototype.slice);
const utf8 = uncurry(Buffer.prototype.utf8Slice);

// Generated from serving/layout.py.
const MAGIC = 0x4d4d5345;
const VERSION = 8;
const HEADER_SIZE = 128;
const HEADER_MODULES = 4;
const HEADER_REQUESTS = 6;
const HEADER_SETS = 8;
const HEADER_MEMBERS = 10;
const HEADER_INPUTS = 12;
const HEADER_PACKS = 14;
const HEADER_FACTS = 16;
const HEADER_HASHES = 17;
const HEADER_STRINGS = 18;
const HEADER_STRINGS_SIZE = 19;
const HEADER_IDENTITY = 21;
const HEADER_FLAGS = 24;
const HEADER_LOADED_FIRST = 25;
const MODULE_FIELDS = 12;
const MODULE_URL = 0;
const MODULE_PATH = 2;
const MODULE_KIND = 4;
const MODULE_FIRST_REQUEST = 10;
const MODULE_REQUESTS = 11;
const REQUEST_FIELDS = 6;
const REQUEST_SPECIFIER = 0;
const REQUEST_ASKED_BY = 2;
const SET_FIELDS = 2;
const INPUT_FIELDS = 6;
const INPUT_PATH = 1;
const INPUT_DETAIL = 3;
const PACK_FIELDS = 3;
const PACK_NAME = 0;
const PACK_FACT = 2;
const WANTS_CALLED_FUNCTIONS = 2;
const LAST_KIND = 5;
// End of what is generated.
const LARGEST = 256 * 1024 * 1024;
// Bits of a mode: the kind of file, and that others may write it.
const [OTHERS_AND_KIND, REGULAR] = [0o170022, 0o100000];
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
  // Names can collide, so `openManifest` compares the program's identity before anything else is used.
  const manifest = openManifest(bytes, header, program.identity);
  if (manifest === null) return 'no manifest';
  const loaded = codeCaches.outcome === '' ? load(fs, 'quarantine.cjs')(fs, load, header, directory, codeCaches, given) : null;
  const report = load(fs, 'hooks.cjs')({
    Module,
    manifest,
    binding: load.binding('fs') ?? {},
    look: load.look,
    packsDirectory: `${directory}/packs`,
    hookFile,
    // They follow the entry point, the version and the architecture.
    conditions: program.identity.split('\0').slice(3),
    passToWorkers: () => getBuiltinModule('node:worker_threads').setEnvironmentData(WORKER_KEY, program),
    loaded,
  });
  if (report === null) return 'flag: hooks of another preload, before ours';
  load(fs, 'reporting.cjs').reportAtExit(fs, load, directory, given, manifest, report, loaded, codeCaches);
  return '';
});

/** Return the bytes of a manifest, or null if it is damaged or others could write it; throws if it is gone. */
const readSound = (function readSound(fs, crc32, file, status) {
  // The check comes before opening: opening a FIFO would wait for a writer.
  const [, mode, , uid, , , , , size] = status;
  if ((mode & OTHERS_AND_KIND) !== REGULAR || uid !== getuid()) return null;
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
/** Return the manifest in bytes whose checksum is right, or null if it is another program's or points outside. */
const openManifest = (function openManifest(bytes, header, identity) {
  // Each table must begin where the one before it ends.
  let end = HEADER_SIZE;
  let isWhole = true;
  const numbers = (count, fields, offset) => {
    const length = count * fields;
    isWhole = isWhole && offset === end && (end = ceil((end + length * 4) / 8) * 8) <= bytes.length;
    return isWhole ? new Uint32Array(bytes.buffer, offset, length) : null;
  };
  const moduleCount = header[HEADER_MODULES];
  const requestCount = header[HEADER_REQUESTS];
  const modules = numbers(moduleCount, MODULE_FIELDS, header[HEADER_MODULES + 1]);
  const requests = numbers(requestCount, REQUEST_FIELDS, header[HEADER_REQUESTS + 1]);
  const sets = numbers(header[HEADER_SETS], SET_FIELDS, header[HEADER_SETS + 1]);
  const members = numbers(header[HEADER_MEMBERS], 1, header[HEADER_MEMBERS + 1]);
  const inputs = numbers(header[HEADER_INPUTS], INPUT_FIELDS, header[HEADER_INPUTS + 1]);
  const packs = numbers(header[HEADER_PACKS], PACK_FIELDS, header[HEADER_PACKS + 1]);
  const factCount = (header[HEADER_HASHES] - header[HEADER_FACTS]) >>> 5;
  numbers(factCount, 8, header[HEADER_FACTS]);
  const hashWords = numbers(factCount, 8, header[HEADER_HASHES]);
  const start = header[HEADER_STRINGS];
  const size = header[HEADER_STRINGS_SIZE];
  if (!isWhole || factCount < moduleCount || start !== end || ceil((end + size) / 8) * 8 !== bytes.length) return null;

  // For ASCII, this is as fast as decoding Latin-1.
  const text = utf8(bytes, start, start + size);
  const { length: textLength } = text;
  const string = (offset, length) => {
    if (!(offset + length <= textLength)) throw 'a string outside';
    return slice(text, offset, offset + length);
  };
  if (slice(text, header[HEADER_IDENTITY], header[HEADER_IDENTITY] + header[HEADER_IDENTITY + 1]) !== identity) return null;

  // Each URL is one string object, since V8 keeps the hash of a string that was a key.
  const urls = new Array(moduleCount);
  const indexes = { __proto__: null };
  let next = 0;
  for (let i = 0, at = 0; i < moduleCount; i++, at += MODULE_FIELDS) {
    const urlEnd = modules[at + MODULE_URL] + modules[at + MODULE_URL + 1];
    if (urlEnd > textLength || modules[at + MODULE_KIND] > LAST_KIND) return null;
    if (modules[at + MODULE_FIRST_REQUEST] !== next) return null;
    urls[i] = slice(text, modules[at + MODULE_URL], urlEnd);
    indexes[urls[i]] = i;
    next += modules[at + MODULE_REQUESTS];
  }
  if (next !== requestCount) return null;

  const specifierAt = (at) => string(requests[at + REQUEST_SPECIFIER], requests[at + REQUEST_SPECIFIER + 1]);

  // A module mostly sends its requests in the listed order, so the search begins behind the last one. Other requests
  // are looked up in a table from specifier to request number. Following the whole list is faster than building it.
  const cursors = new Uint32Array(moduleCount);
  const asked = new Array(moduleCount);
  const tableOf = (index, way) => {
    const both = asked[index] || (asked[index] = [null, null]);
    if (both[way - 1] === null) {
      const table = (both[way - 1] = { __proto__: null });
      const first = modules[index * MODULE_FIELDS + MODULE_FIRST_REQUEST];
      const count = modules[index * MODULE_FIELDS + MODULE_REQUESTS];
      for (let i = first; i < first + count; i++) {
        const at = i * REQUEST_FIELDS;
        if (requests[at + REQUEST_ASKED_BY] & way) table[specifierAt(at)] = i;
      }
    }
    return both[way - 1];
  };
  const requestOf = (function requestOf(index, way, specifier) {
    const first = modules[index * MODULE_FIELDS + MODULE_FIRST_REQUEST];
    const count = modules[index * MODULE_FIELDS + MODULE_REQUESTS];
    const { length } = specifier;
    for (let i = cursors[index], end = min(count, i + MOST_SKIPPED); i < end; i++) {
      const at = (first + i) * REQUEST_FIELDS;
      if (requests[at + REQUEST_SPECIFIER + 1] !== length || !(requests[at + REQUEST_ASKED_BY] & way)) continue;
      if (specifierAt(at) === specifier) {
        cursors[index] = i + 1;
        return first + i;
      }
    }
    return tableOf(index, way)[specifier];
  });

  return {
    moduleCount,
    inputCount: header[HEADER_INPUTS],
    wantsCalledFunctions: (header[HEADER_FLAGS] & WANTS_CALLED_FUNCTIONS) !== 0,
    loadedFirst: header[HEADER_LOADED_FIRST],
    indexes,
    modules,
    requests,
    sets,
    members,
    inputs,
    facts: new Float64Array(bytes.buffer, header[HEADER_FACTS], factCount * 4),
    hashes: bytes.subarray(header[HEADER_HASHES]),
    hashWords,
    requestOf,
    url: (index) => urls[index],
    path(index) {
      const at = index * MODULE_FIELDS;
      const length = modules[at + MODULE_PATH + 1];
      return length === 0 ? slice(urls[index], 7) : string(modules[at + MODULE_PATH], length);
    },
    inputPath(input) {
      const at = input * INPUT_FIELDS + INPUT_PATH;
      return string(inputs[at], inputs[at + 1]);
    },
    inputDetail(input) {
      const at = input * INPUT_FIELDS + INPUT_DETAIL;
      return string(inputs[at], inputs[at + 1]);
    },
    packName(pack) {
      const at = pack * PACK_FIELDS + PACK_NAME;
      return string(packs[at], packs[at + 1]);
    },
    packFact: (pack) => packs[pack * PACK_FIELDS + PACK_FACT],
  };
});
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:serving.cjs
