'use strict';
// Answers `resolve` and `load` from a manifest while the facts that an answer rests on hold; Node answers the rest. All
// functions that answers need are captured before the program can replace them, so the code avoids iterators and most
// method calls. For the parentheses around functions see starting.cjs.

const { getuid, geteuid, getegid, getBuiltinModule } = process;
const fs = getBuiltinModule('node:fs');
const { readlinkSync, openSync, readSync, closeSync, readFileSync } = fs;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const slice = uncurry(String.prototype.slice);
const lastIndexOf = uncurry(String.prototype.lastIndexOf);
const latin1 = uncurry(Buffer.prototype.latin1Slice);
const ucs2 = uncurry(Buffer.prototype.ucs2Slice);
const utf8 = uncurry(Buffer.prototype.utf8Slice);
const sub = uncurry(Buffer.prototype.subarray);
const compare = uncurry(Buffer.prototype.compare);
const S_IFMT = fs.constants.S_IFMT;
const S_IFREG = fs.constants.S_IFREG;
const S_IFDIR = fs.constants.S_IFDIR;
const S_IFLNK = fs.constants.S_IFLNK;
const OTHERS_AND_KIND = S_IFMT | 0o022;
const { min, max } = Math;
const { keys, setPrototypeOf, getOwnPropertySymbols } = Object;
const toText = String;
const READ_AT_ONCE = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

// Generated from serving/layout.py.
const MODULE_FIELDS = 12;
const MODULE_KIND = 4;
const MODULE_FLAGS = 5;
const MODULE_PACK = 6;
const MODULE_OFFSET = 7;
const MODULE_LENGTH = 8;
const REQUEST_FIELDS = 6;
const REQUEST_ASKED_BY = 2;
const REQUEST_TARGET = 3;
const REQUEST_SET = 4;
const REQUEST_DIRECTORY = 5;
const INPUT_FIELDS = 6;
const INPUT_KIND = 0;
const INPUT_FACT = 5;
const NONE = 0xffffffff;
const IMPORT = 1;
const REQUIRE = 2;
const WHILE_RUNNING = 4;
const ONE_BYTE = 2;
const BY_SYNTAX = 4;
const KIND_NATIVE = 0;
const KIND_JSON = 2;
const KIND_COMMONJS = 3;
const KIND_COMMONJS_TYPESCRIPT = 5;
const ABSENT = 0;
const DIRECTORY = 1;
const FILE = 2;
const SYMLINK = 3;
const ENTRY_HEADER = 48;
const ENTRY_ONE_BYTE = 1;
// End of what is generated.

// Indexes into what `lstat` of Node's binding returns.
const [MODE, OWNER, INODE, SIZE] = [1, 3, 7, 8];
const [CHANGED_S, CHANGED_NS, STATUS_S, STATUS_NS] = [12, 13, 14, 15];
// Node adds these to `import` or `require`. Under flags that change them, nothing is served.
const BASE_CONDITIONS = ['node', 'node-addons', 'module-sync'];
const FORMATS = [undefined, 'module', 'json', 'commonjs', 'module-typescript', 'commonjs-typescript'];
const [LEAST_AHEAD, MOST_AHEAD] = [4 * 1024, 256 * 1024];
const BYTE_ORDER_MARK = 0xfeff;
const MOST_REPORTED = 10000;

// Functions that a program may replace to change how Node finds CommonJS. Node then answers instead of the manifest.
const PATCHABLE = ['_resolveFilename', '_findPath', '_resolveLookupPaths', '_nodeModulePaths', '_stat', '_readPackage'];
const [major, minor, patch] = process.versions.node.split('.').map(Number);
const isFrom = (line, first, second) => major === line && (minor > first || (minor === first && patch >= second));
// In older versions, any `load` hook makes Node give imported CommonJS a different `require`, without `cache`, and load
// it a second time if it is required as well.
const ANSWERS_LOAD = major > 25 || isFrom(25, 1, 0) || isFrom(24, 11, 1) || isFrom(22, 22, 3);
// In older versions, and in 22 and 25, Node does the same if a hook answers with the source of imported CommonJS.
const ANSWERS_IMPORTED_COMMONJS = major > 26 || isFrom(26, 4, 0) || isFrom(24, 18, 0);

// Answers inherit nothing. `{ __proto__: null }` would be a hash table in V8, which is slow to make and to copy.
function Resolved(url, format) {
  this.url = url;
  this.format = format;
  this.shortCircuit = true;
}
function Loaded(format, source) {
  this.format = format;
  this.source = source;
  this.shortCircuit = true;
}
/** Bytes of a pack, from `start` to `end` in it. `used` of them were needed; the next read fetches `ahead` or more. */
function Window() {
  this.start = 0;
  this.end = 0;
  this.used = 0;
  this.ahead = 4 * LEAST_AHEAD;
  this.bytes = null;
  this.words = null;
  this.text = null;
  this.isSound = false;
}
Resolved.prototype = { __proto__: null };
Loaded.prototype = { __proto__: null };

// Node asks the hook that was registered last first, and asynchronous hooks (module.register) last of all. Our hooks
// answer without asking the next one. So they remove themselves if hooks came before them, or asynchronous ones come.
// Asynchronous hooks see no `require`, so a hook that only answers `require` takes the place of ours then.
const watchForOthers = (function watchForOthers(Module, hooks, beginAsynchronous) {
  const registered = Module.registerHooks(hooks);
  const { registerHooks } = Module;
  const isNth = (answer, n) => {
    const symbols = getOwnPropertySymbols(answer);
    return symbols.length === 1 && toText(answer[symbols[0]]) === `Symbol(module-hook-${n})`;
  };
  if (!isNth(registered, 0)) {
    registered.deregister();
    return null;
  }
  const original = Module.register;
  const { apply } = Reflect;
  let isFirstCall = true;
  // Programs that import `register` get this one, too: Node collects the exports of `node:module` at its first import.
  Module.register = function register(specifier, parentURL = undefined, options) {
    registered.deregister();
    if (isFirstCall) {
      isFirstCall = false;
      beginAsynchronous();
      const again = ANSWERS_IMPORTED_COMMONJS ? registerHooks({ resolve: hooks.resolve }) : null;
      // If the program has registered hooks of its own, ours must not come before them.
      if (again !== null && !isNth(again, 1)) again.deregister();
    }
    return apply(original, this, arguments);
  };
  return registered;
});

const isCommonJS = (kind) => kind === KIND_COMMONJS || kind === KIND_COMMONJS_TYPESCRIPT;

/** Return whether a list has a condition. */
function includes(list, condition) {
  for (let i = 0; i < list.length; i++) if (list[i] === condition) return true;
  return false;
}

// File systems take their times from a clock that moves on in steps of up to 10 ms.
const started = Date.now() - 10;
/** Count a file that has other times but the same content. A warm is of no use if this process may have written it. */
function noteHashed(report, status) {
  report.hashed++;
  if (status[STATUS_S] * 1000 + status[STATUS_NS] / 1000000 >= started) report.rewritten++;
}

/** Return functions that compare the facts behind an answer with the file system, and end an epoch. */
const checkFacts = (function checkFacts(manifest, look, report, readingIsPatched) {
  const { sets, members, inputs, facts, hashes } = manifest;

  // Paths that may come and go are looked at once per epoch. An epoch ends when running code requests a module, since
  // that code may have changed files. Facts that Node itself looks at once per process are kept.
  let epoch = 1;
  const inputSeen = new Int32Array(manifest.inputCount);
  const setSeen = new Int32Array(sets.length >>> 1);
  const fileSeen = new Int32Array(manifest.moduleCount);
  const factSeen = new Int32Array(facts.length >>> 2);

  const endEpoch = () => epoch++;

  const sameFingerprint = (function sameFingerprint(fact, status) {
    const at = fact * 4;
    return (
      status[SIZE] === facts[at] &&
      status[CHANGED_S] * 1000 + status[CHANGED_NS] / 1000000 === facts[at + 1] &&
      status[STATUS_S] * 1000 + status[STATUS_NS] / 1000000 === facts[at + 2] &&
      status[INODE] === facts[at + 3]
    );
  });

  function sameContent(fact, content) {
    // node:crypto loads slowly, so only when it is needed. `getBuiltinModule` passes by the hooks of others.
    const digest = getBuiltinModule('node:crypto').createHash('sha256').update(content).digest();
    return compare(digest, sub(hashes, fact * 32, fact * 32 + 32)) === 0;
  }

  /** Return whether the directory of a file has the same fingerprint, and so the same names, as when it was warmed. */
  const directoryIsSame = (function directoryIsSame(fact, path) {
    if (fact === NONE || factSeen[fact] === -epoch) return false;
    if (factSeen[fact] === epoch) return true;
    const status = look(slice(path, 0, lastIndexOf(path, '/')));
    const isSame = status !== undefined && sameFingerprint(fact, status);
    factSeen[fact] = isSame ? epoch : -epoch;
    return isSame;
  });

  const inputHolds = (function inputHolds(input) {
    const kind = inputs[input * INPUT_FIELDS + INPUT_KIND];
    const fact = inputs[input * INPUT_FIELDS + INPUT_FACT];
    const isName = kind === ABSENT || kind === FILE;
    if (isName && fact !== NONE && factSeen[fact] === epoch) return true;
    const path = manifest.inputPath(input);
    if (isName && directoryIsSame(fact, path)) return true;
    const status = look(path);
    if (kind === ABSENT) return status === undefined;
    if (status === undefined) return false;
    const type = status[MODE] & S_IFMT;
    if (kind === DIRECTORY) return type === S_IFDIR;
    if (kind === FILE) return type === S_IFREG;
    if (kind === SYMLINK) return type === S_IFLNK && readlinkSync(path) === manifest.inputDetail(input);
    if (type !== S_IFREG || fact === NONE) return false;
    if (sameFingerprint(fact, status)) return true;
    // `readFileSync` calls functions that a program may have replaced.
    if (readingIsPatched(true)) return false;
    noteHashed(report, status);
    return sameContent(fact, readFileSync(path));
  });

  const setHolds = (function setHolds(set) {
    if (setSeen[set] === epoch) return true;
    if (setSeen[set] === -1) return false;
    const first = sets[set * 2];
    const end = first + sets[set * 2 + 1];
    if (!(end <= members.length)) throw 'a set outside';
    for (let i = first; i < end; i++) {
      const input = members[i];
      if (inputSeen[input] === epoch || inputSeen[input] === 0x7fffffff) continue;
      if (!inputHolds(input)) {
        setSeen[set] = -1;
        return false;
      }
      const kind = inputs[input * INPUT_FIELDS + INPUT_KIND];
      inputSeen[input] = kind === ABSENT || kind === FILE ? epoch : 0x7fffffff;
    }
    setSeen[set] = epoch;
    return true;
  });

  /** Return whether the module's file is a regular file. */
  const fileIsThere = (function fileIsThere(index, directory) {
    if (fileSeen[index] === epoch) return true;
    const path = manifest.path(index);
    if (!directoryIsSame(directory, path)) {
      const status = look(path);
      if (status === undefined || (status[MODE] & S_IFMT) !== S_IFREG) return false;
    }
    fileSeen[index] = epoch;
    return true;
  });

  return { endEpoch, sameFingerprint, sameContent, setHolds, fileIsThere };
});

/** Return functions that find out whether the program has replaced functions by which Node finds and reads files. */
// Node's loaders call these, and no other functions that a program can replace.
const watchForPatches = (function watchForPatches(Module, binding) {
  const originals = PATCHABLE.map((name) => Module[name]);
  const { realpathSync } = fs;
  const { internalModuleStat, lstat, readFileUtf8 } = binding;
  const extensions = Module._extensions;
  const { prototype } = Module;
  const { _compile } = prototype;
  const extensionCount = keys(extensions).length;

  const findingIsPatched = (function findingIsPatched() {
    return fs.realpathSync !== realpathSync || binding.lstat !== lstat || binding.internalModuleStat !== internalModuleStat;
  });
  const readingIsPatched = (function readingIsPatched(isImported) {
    if (fs.readFileSync !== readFileSync) return true;
    if (!isImported) return binding.readFileUtf8 !== readFileUtf8;
    return fs.openSync !== openSync || fs.readSync !== readSync || fs.closeSync !== closeSync;
  });
  function findingCommonJSIsPatched() {
    for (let i = 0; i < PATCHABLE.length; i++) if (Module[PATCHABLE[i]] !== originals[i]) return true;
    return keys(extensions).length !== extensionCount;
  }
  const compilingIsPatched = () => prototype._compile !== _compile || keys(extensions).length !== extensionCount;
  /** Return the names of functions that are replaced now. */
  function namesOfPatched() {
    const names = setPrototypeOf([], null);
    const note = (isPatched, name) => {
      if (isPatched) names[names.length] = name;
    };
    note(fs.realpathSync !== realpathSync, 'fs.realpathSync');
    note(fs.readFileSync !== readFileSync, 'fs.readFileSync');
    note(fs.openSync !== openSync, 'fs.openSync');
    note(fs.readSync !== readSync, 'fs.readSync');
    note(fs.closeSync !== closeSync, 'fs.closeSync');
    for (let i = 0; i < PATCHABLE.length; i++) note(Module[PATCHABLE[i]] !== originals[i], `Module.${PATCHABLE[i]}`);
    note(prototype._compile !== _compile, 'Module.prototype._compile');
    note(keys(extensions).length !== extensionCount, 'Module._extensions');
    return names;
  }

  return { findingIsPatched, readingIsPatched, findingCommonJSIsPatched, compilingIsPatched, namesOfPatched };
});

/** Return a function from the conditions of a question to IMPORT or REQUIRE, or to 0 if the manifest has others. */
const readConditions = (function readConditions(conditions) {
  // Only requests under exactly the manifest's conditions are answered. A worker may have others, and so may a process
  // in ways that no flag shows.
  const expected = [null, ['import'].concat(BASE_CONDITIONS, conditions), ['require'].concat(BASE_CONDITIONS, conditions)];
  const isExpected = (function isExpected(asked, way) {
    const wanted = expected[way];
    const isList = typeof asked.length === 'number';
    for (let i = 0; i < wanted.length; i++) if (!(isList ? includes(asked, wanted[i]) : asked.has(wanted[i]))) return false;
    if (!isList) return asked.size === wanted.length;
    for (let i = 0; i < asked.length; i++) if (!includes(wanted, asked[i])) return false;
    return true;
  });

  // Node passes the same objects every time. Other objects come from another hook, which may ask for other conditions.
  let importConditions = null;
  let requireConditions = null;
  return (function wayOfAsking(conditions) {
    if (conditions === importConditions) return IMPORT;
    if (conditions === requireConditions) return REQUIRE;
    if (conditions === undefined) return 0;
    let way = 0;
    if (typeof conditions.length === 'number') {
      for (let i = 0; i < conditions.length; i++) {
        if (conditions[i] === 'import') way = IMPORT;
        else if (conditions[i] === 'require') way = REQUIRE;
      }
    } else if (typeof conditions.has === 'function') {
      // Node 22 passes its own Set for a `require`.
      way = conditions.has('require') ? REQUIRE : 0;
    }
    if (way === 0 || !isExpected(conditions, way)) return 0;
    if (way === IMPORT && importConditions === null) importConditions = conditions;
    else if (way === REQUIRE && requireConditions === null) requireConditions = conditions;
    else return 0;
    return way;
  });
});

/** Return a function from the index of a module to its source in a pack, or to null if the pack does not have it. */
const readPacks = (function readPacks(manifest, directory, look, { sameFingerprint, sameContent }) {
  const { modules, hashWords } = manifest;
  const windows = [];
  /** Fill the window with `length` bytes of the pack from `offset` on, or with what there is of them. */
  // The file is closed at once, so that descriptors of the program have the same numbers as without the cache.
  const readPack = (function readPack(pack, window, offset, length) {
    window.start = window.end = offset;
    window.used = 0;
    window.text = null;
    const path = `${directory}/${manifest.packName(pack)}`;
    const status = look(path);
    if (status === undefined || (status[MODE] & OTHERS_AND_KIND) !== S_IFREG || status[OWNER] !== getuid()) return;
    const fact = manifest.packFact(pack);
    window.isSound = fact !== NONE && sameFingerprint(fact, status);
    // A window is no larger than its pack: V8 counts these bytes, and collects garbage earlier if there are many.
    const wanted = min(length, max(status[SIZE] - offset, 0));
    const descriptor = openSync(path, READ_AT_ONCE);
    try {
      const { bytes } = window;
      if (bytes === null || bytes.length < wanted || bytes.length > max(wanted, MOST_AHEAD)) {
        window.bytes = Buffer.allocUnsafeSlow((wanted + 7) & ~7);
        window.words = new Uint32Array(window.bytes.buffer);
      }
      window.end += readSync(descriptor, window.bytes, 0, wanted, offset);
    } finally {
      closeSync(descriptor);
    }
  });

  /** Return the pack's window after moving it over these bytes if necessary, or null if the pack is too short. */
  const windowOver = (function windowOver(pack, offset, length) {
    const window = windows[pack] || (windows[pack] = new Window());
    const { start, end } = window;
    if (offset < start || offset + length > end) {
      // Sources are packed in the order in which they load, so the bytes that follow are usually needed next. Lazy
      // requests come in other orders, and then each read would fetch and decode bytes that nothing needs.
      const isNear = offset >= start && offset <= end + window.ahead;
      if (!isNear) window.ahead >>= 2;
      else if (window.used * 2 >= end - start) window.ahead = min(max(window.ahead * 2, LEAST_AHEAD), MOST_AHEAD);
      else window.ahead >>= 1;
      readPack(pack, window, offset, max(length, window.ahead));
    }
    window.used += length;
    return offset + length <= window.end ? window : null;
  });

  /** Return whether packed text is that of the module's file, with or without a byte order mark. */
  function isSourceOf(index, packed) {
    const decode = modules[index * MODULE_FIELDS + MODULE_FLAGS] & ONE_BYTE ? latin1 : ucs2;
    const text = decode(packed, 0, packed.length);
    return sameContent(index, text) || sameContent(index, `\ufeff${text}`);
  }

  return (function packedSource(index) {
    const at = index * MODULE_FIELDS;
    const length = modules[at + MODULE_LENGTH];
    const padded = ENTRY_HEADER + ((length + 7) & ~7);
    const window = windowOver(modules[at + MODULE_PACK], modules[at + MODULE_OFFSET] - ENTRY_HEADER, padded);
    if (window === null) return null;
    const start = modules[at + MODULE_OFFSET] - window.start;
    const { bytes, words } = window;
    // Entries and windows begin at multiples of 8.
    const first = start >>> 2;
    for (let i = 0; i < 8; i++) if (words[first - 8 + i] !== hashWords[index * 8 + i]) return null;
    // Before its SHA-256, the entry's header has length, CRC-32 and flags (1: one byte per character).
    const isOneByte = (modules[at + MODULE_FLAGS] & ONE_BYTE) !== 0;
    if (start & 7 || words[first - 11] !== length || ((words[first - 9] & ENTRY_ONE_BYTE) !== 0) !== isOneByte) return null;
    // If the pack's file is not the one that a warm found sound, the text itself is hashed.
    if (!window.isSound && !isSourceOf(index, sub(bytes, start, start + length))) return null;
    if (!isOneByte) return ucs2(bytes, start, start + length);
    // A source is a slice that refers to the window's text. The garbage collector would copy young strings twice.
    if (window.text === null) window.text = latin1(bytes, 0, window.end - window.start);
    return slice(window.text, start, start + length);
  });
});

/** Register the hooks and return the report that they fill in, or null if others were registered before. */
module.exports = (function answerFrom(found) {
  const { Module, manifest, binding, look, packsDirectory, hookFile, conditions, passToWorkers, loaded } = found;
  const { indexes, modules, requests } = manifest;

  const list = () => setPrototypeOf([], null);
  const lists = { missed: list(), stale: list() };
  const report = { served: 0, resolved: 0, hashed: 0, rewritten: 0, faults: 0, ...lists, codeCaches: 'none', line, tell: null };
  // Questions that Node answers because the program has replaced functions or registered asynchronous hooks.
  let left = 0;
  let hasAsynchronous = false;
  let seesLoads = ANSWERS_LOAD;
  function line() {
    const { served, resolved, hashed, faults, missed, stale, codeCaches } = report;
    const said = { served, resolved, hashed, faults, missed, stale, codeCaches, modules: manifest.moduleCount };
    if (left > 0) {
      said.left = left;
      said.replaced = namesOfPatched();
      if (hasAsynchronous) said.replaced[said.replaced.length] = 'Module.register';
    }
    return said;
  }
  const isNoted = { __proto__: null };
  let isUntold = false;
  function note(list, url) {
    if (isNoted[url] || list.length >= MOST_REPORTED) return;
    isNoted[url] = true;
    list[list.length] = url;
    tell();
  }
  /** Report what was noted, since the process may be killed before it ends. */
  function tell() {
    // A program that has replaced functions of `fs` could notice the writing.
    isUntold = readingIsPatched(true) || !report.tell();
  }

  /** Note a found module that is not in the manifest, if no `load` hook of ours sees it. */
  function noteFound(url) {
    if (indexes[url] === undefined && slice(url, 0, 5) === 'file:') note(report.missed, url);
  }

  // Calls `loaded` once all modules are there that load before any of them runs.
  let waitedFor = loaded === null ? 0 : manifest.loadedFirst;
  const noteLoaded = (function noteLoaded() {
    if (waitedFor > 0 && --waitedFor === 0) loaded();
  });

  const { findingIsPatched, readingIsPatched, findingCommonJSIsPatched, compilingIsPatched, namesOfPatched } =
    watchForPatches(Module, binding);
  const { endEpoch, sameFingerprint, sameContent, setHolds, fileIsThere } = checkFacts(manifest, look, report, readingIsPatched);
  const wayOfAsking = readConditions(conditions);
  const packedSource = readPacks(manifest, packsDirectory, look, { sameFingerprint, sameContent });

  const moduleAnswered = new Uint32Array(manifest.moduleCount);
  /** Count CommonJS whose source Node reads itself: as served if its resolution was. */
  function noteLeft(index) {
    if (moduleAnswered[index] > 0) report.served++;
  }
  // Requests that were answered. Node, too, does not repeat a module's request in the same process.
  const isAnswered = new Uint8Array(requests.length / REQUEST_FIELDS);

  const isWatched = Boolean(process.env.WATCH_REPORT_DEPENDENCIES);
  const answer = (function answer(specifier, context) {
    const way = wayOfAsking(context.conditions);
    if (way === 0) return null;
    // While Node looks for a package in several places, it tells the watcher of `node --watch` where it was not.
    if (isWatched && way === REQUIRE && specifier[0] !== '.' && specifier[0] !== '/') return null;
    const parent = context.parentURL;
    const parentIndex = indexes[parent === undefined ? specifier : parent];
    if (parentIndex === undefined) return null;
    const request = manifest.requestOf(parentIndex, way, specifier);
    if (request === undefined) return null;
    const target = requests[request * REQUEST_FIELDS + REQUEST_TARGET];
    const kind = modules[target * MODULE_FIELDS + MODULE_KIND];
    if (findingIsPatched() || ((way === REQUIRE || isCommonJS(kind)) && commonJSIsPatched(way))) {
      leave();
      return null;
    }
    // Under some flags of Node, other types give files other formats.
    const type = context.importAttributes?.type;
    if (type !== undefined && type !== 'json') return null;
    const at = request * REQUEST_FIELDS;
    if (requests[at + REQUEST_ASKED_BY] & WHILE_RUNNING) endEpoch();
    if (isAnswered[request] === 0) {
      // The file's content is checked when it is loaded.
      if (kind === KIND_NATIVE || !setHolds(requests[at + REQUEST_SET])) return null;
      if (!fileIsThere(target, requests[at + REQUEST_DIRECTORY])) return null;
      isAnswered[request] = 1;
    }
    report.resolved++;
    if (moduleAnswered[target]++ === 0 && !seesLoads) {
      report.served++;
      noteLoaded();
    }
    // For a `require`, Node gives no format, either: its loader finds it out.
    const format = way === IMPORT ? formatOf(target) : undefined;
    return new Resolved(manifest.url(target), format);
  });

  const source = (function source(index) {
    const path = manifest.path(index);
    const status = look(path);
    if (status === undefined || (status[MODE] & S_IFMT) !== S_IFREG || !mayRead()) return null;
    if (sameFingerprint(index, status)) {
      if (modules[index * MODULE_FIELDS + MODULE_PACK] === NONE) {
        // CommonJS that is not UTF-8 has no packed source.
        noteLeft(index);
        return null;
      }
      const text = packedSource(index);
      if (text === null) report.faults++;
      return text;
    }
    if (readingIsPatched(true)) return null;
    const content = readFileSync(path);
    if (!sameContent(index, content)) {
      note(report.stale, manifest.url(index));
      return null;
    }
    noteHashed(report, status);
    const text = utf8(content, 0, content.length);
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? slice(text, 1) : text;
  });

  /** Return the format with which Node resolves a module: null if only the syntax decides it, when Node loads it. */
  const formatOf = (function formatOf(index) {
    const at = index * MODULE_FIELDS;
    return modules[at + MODULE_FLAGS] & BY_SYNTAX ? null : FORMATS[modules[at + MODULE_KIND]];
  });

  /** Return whether the format and the import attributes fit; Node checks attributes only if it loads a file itself. */
  const matchesManifest = (function matchesManifest(index, kind, { format, importAttributes }) {
    if (importAttributes === undefined) {
      return format === undefined || format === FORMATS[kind] || (format === 'typescript' && formatOf(index) === null);
    }
    if (format !== formatOf(index) || (isCommonJS(kind) && !ANSWERS_IMPORTED_COMMONJS)) return false;
    const names = keys(importAttributes);
    if (kind !== KIND_JSON) return names.length === 0;
    return names.length === 1 && names[0] === 'type' && importAttributes.type === 'json';
  });

  // For a data: URL of an unknown kind, Node answers with the format null, but refuses it from a chain of hooks.
  function loadUnknown(url, context, nextLoad) {
    try {
      return nextLoad(url, context);
    } catch (error) {
      if (error.code !== 'ERR_INVALID_RETURN_PROPERTY_VALUE') throw error;
      return { __proto__: null, format: undefined, source: '', shortCircuit: true };
    }
  }

  /** Return whether the program has replaced functions that Node calls for CommonJS that is found without our answer. */
  // The format in an answer reaches `_compile` if the module is imported.
  const commonJSIsPatched = (way) => findingCommonJSIsPatched() || (way === IMPORT && compilingIsPatched());

  /** Return whether the program has replaced functions that read or compile a module. */
  const loadingIsPatched = (function loadingIsPatched(kind, isImported) {
    if (readingIsPatched(isImported)) return true;
    return isCommonJS(kind) && (compilingIsPatched() || (isImported && findingCommonJSIsPatched()));
  });

  /** Count a question that Node answers, and remove the hooks if they cannot answer any more. */
  function leave() {
    left++;
    if (findingIsPatched() && fs.readFileSync !== readFileSync) registered?.deregister();
  }

  // After a change of user, Node must open the file, so that the system decides whether that user may read it.
  const [user, group] = [geteuid(), getegid()];
  const mayRead = () => geteuid() === user && getegid() === group;

  const { cache } = require;
  let isFirstQuestion = true;
  let isPassedToWorkers = false;
  const hooks = {
    resolve: (function resolve(specifier, context, nextResolve) {
      if (hasAsynchronous && context.importAttributes !== undefined) return nextResolve(specifier, context);
      if (isFirstQuestion) {
        isFirstQuestion = false;
        delete cache[hookFile];
      }
      // A worker's preload cannot find out the program. So it is passed on before the program can start workers.
      if (!isPassedToWorkers && (specifier === 'node:worker_threads' || specifier === 'worker_threads')) {
        isPassedToWorkers = true;
        passToWorkers();
      }
      let found = null;
      try {
        if (isUntold) tell();
        found = answer(specifier, context);
      } catch {
        report.faults++;
      }
      if (found !== null) return found;
      const answered = nextResolve(specifier, context);
      // A request that the manifest lacks may come from running code, unless it is for a module of Node.
      if (slice(answered.url, 0, 5) !== 'node:') {
        endEpoch();
        if (!seesLoads) noteFound(answered.url);
      }
      return answered;
    }),
    load: (function load(url, context, nextLoad) {
      let text = null;
      let { format } = context;
      try {
        const index = indexes[url];
        if (index === undefined) {
          if (context.format !== 'builtin' && slice(url, 0, 5) !== 'node:') note(report.missed, url);
        } else {
          const kind = modules[index * MODULE_FIELDS + MODULE_KIND];
          if (kind !== KIND_NATIVE) noteLoaded();
          if (kind !== KIND_NATIVE && loadingIsPatched(kind, context.importAttributes !== undefined)) leave();
          else if (kind !== KIND_NATIVE && matchesManifest(index, kind, context)) {
            text = source(index);
            if (format === null || format === 'typescript') format = FORMATS[kind];
          } else if (isCommonJS(kind)) noteLeft(index);
        }
      } catch {
        report.faults++;
        text = null;
      }
      if (text === null) {
        // Errors are rethrown only for data: URLs, since Node prints the line of the `throw` for an uncaught error.
        const isUnknown = context.format === undefined && slice(url, 0, 5) === 'data:';
        return isUnknown ? loadUnknown(url, context, nextLoad) : nextLoad(url, context);
      }
      report.served++;
      return new Loaded(format, text);
    }),
  };
  if (!ANSWERS_LOAD) delete hooks.load;
  const beginAsynchronous = () => {
    hasAsynchronous = true;
    seesLoads = false;
    left++;
  };
  const registered = watchForOthers(Module, hooks, beginAsynchronous);
  return registered === null ? null : report;
});
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:hooks.cjs
