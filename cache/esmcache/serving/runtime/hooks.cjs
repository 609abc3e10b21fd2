'use strict';
// Answers resolve and load out of a manifest while the facts that an answer rests on still hold; everything else goes
// on to Node. What the answers need is taken hold of here, before the program can change it: no iteration protocol,
// no method looked up later. In parentheses are the functions that every start needs, as in starting.cjs.

const { getuid, geteuid, getegid, getBuiltinModule } = process;
const fs = getBuiltinModule('node:fs');
const { lstatSync, readlinkSync, openSync, readSync, closeSync, readFileSync } = fs;
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
const READ_AT_ONCE = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

const MODULE_FIELDS = 12;
const REQUEST_FIELDS = 6;
const INPUT_FIELDS = 6;
const NONE = 0xffffffff;
const IMPORT = 1;
const REQUIRE = 2;
const WHILE_RUNNING = 4;
const ONE_BYTE = 2;
const [NATIVE, MODULE, JSON_MODULE, COMMONJS] = [0, 1, 2, 3];
// What is known of a file, as Node's binding has it.
const [MODE, OWNER, INODE, SIZE] = [1, 3, 7, 8];
const [CHANGED_S, CHANGED_NS, STATUS_S, STATUS_NS] = [12, 13, 14, 15];
// What Node adds to `import` or `require`; under flags that change this nothing is served.
const BASE_CONDITIONS = ['node', 'node-addons', 'module-sync'];
const FORMATS = [undefined, 'module', 'json', 'commonjs'];
const ABSENT = 0;
const DIRECTORY = 1;
const FILE = 2;
const SYMLINK = 3;
const WINDOW = 256 * 1024;
const ENTRY_HEADER = 48;
const BYTE_ORDER_MARK = 0xfeff;
const MOST_REPORTED = 200;

// What a program may replace to change how Node finds and reads files; the manifest answers only while none is.
const PATCHABLE = ['_resolveFilename', '_findPath', '_resolveLookupPaths', '_nodeModulePaths', '_stat', '_readPackage'];
const [major, minor, patch] = process.versions.node.split('.').map(Number);
const isFrom = (line, first, second) => major === line && (minor > first || (minor === first && patch >= second));
// Before 22.22.3 and 24.11.1, as soon as there is any load hook, Node gives CommonJS that is imported a `require` of its
// own, without `cache`, and makes it anew where it is required as well.
const ANSWERS_LOAD = major > 25 || isFrom(25, 1, 0) || isFrom(24, 11, 1) || isFrom(22, 22, 3);
// Before 24.18 and 26.4 Node gives CommonJS that is imported another `require` if a hook answers with its source.
const ANSWERS_IMPORTED_COMMONJS = major > 26 || isFrom(26, 4, 0) || isFrom(24, 18, 0);

// Answers inherit nothing, as if made by `{ __proto__: null }`, which V8 makes a hash table of: dear to make and to copy.
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
Resolved.prototype = { __proto__: null };
Loaded.prototype = { __proto__: null };

// Node asks the hook that was registered last first, and its asynchronous hooks (module.register) last of all. Answering
// without asking further would pass over those that came before; once there are any, ours go.
const watchForOthers = (function watchForOthers(Module, registered) {
  const symbols = Object.getOwnPropertySymbols(registered);
  const isFirst = symbols.length === 1 && String(registered[symbols[0]]) === 'Symbol(module-hook-0)';
  if (!isFirst) {
    registered.deregister();
    return false;
  }
  const original = Module.register;
  const { apply } = Reflect;
  // Whoever imports it has this one, too: what `node:module` exports is looked up when it is first imported, later.
  Module.register = function register(specifier, parentURL = undefined, options) {
    registered.deregister();
    return apply(original, this, arguments);
  };
  return true;
});

/** Return whether a list has a condition. */
function holds(list, condition) {
  for (let i = 0; i < list.length; i++) if (list[i] === condition) return true;
  return false;
}

/** Return what is at a path, links not followed, or undefined; as the binding does it. */
function lookByStats(path) {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const { mode, uid, ino, size, mtimeNs, ctimeNs } = found;
  const [changed, status] = [mtimeNs / 1000000000n, ctimeNs / 1000000000n];
  const times = [changed, mtimeNs - changed * 1000000000n, status, ctimeNs - status * 1000000000n];
  return [0n, mode, 0n, uid, 0n, 0n, 0n, ino, size, 0n, 0n, 0n, ...times].map(Number);
}

/** Register the hooks and return the report that they fill in, or null where another's hooks were there before. */
module.exports = (function answerFrom(found) {
  const { Module, manifest, binding, packsDirectory, hookFile, conditions, tellWorkers, loaded } = found;
  const { indexes, modules, requests, sets, members, inputs, facts, hashes, hashWords } = manifest;
  const originals = PATCHABLE.map((name) => Module[name]);
  const { realpathSync, statSync } = fs;
  const extensions = Module._extensions;
  const { prototype } = Module;
  const { _compile } = prototype;
  const extensionCount = Object.keys(extensions).length;
  const { keys } = Object;

  const { lstat } = binding;
  /** Return what is at a path, links not followed, or undefined. The next call may overwrite it. */
  const look =
    lstat === undefined
      ? lookByStats
      : (function look(path) {
          // `lstatSync` makes an object of it, which costs as much as the look itself.
          return lstat(path, false, undefined, false);
        });

  const list = () => Object.setPrototypeOf([], null);
  const report = { served: 0, resolved: 0, hashed: 0, faults: 0, missed: list(), stale: list(), codeCaches: 'none', line };
  function line() {
    const { served, resolved, hashed, faults, missed, stale, codeCaches } = report;
    return { served, resolved, hashed, faults, missed, stale, codeCaches, modules: manifest.moduleCount };
  }
  function note(list, url) {
    if (list.length < MOST_REPORTED) list[list.length] = url;
  }

  /** Note that a module which is not in the manifest was found, where no hook sees it loaded. */
  function noteFound(url) {
    if (indexes[url] !== undefined || slice(url, 0, 5) !== 'file:') return;
    for (let i = 0; i < report.missed.length; i++) if (report.missed[i] === url) return;
    note(report.missed, url);
  }

  // Calls `loaded` when the last module is there that is loaded before any runs.
  let waitedFor = loaded === null ? 0 : manifest.loadedFirst;
  const noteLoaded = (function noteLoaded() {
    if (waitedFor > 0 && --waitedFor === 0) loaded();
  });

  // A fact about what may come and go is looked at once an epoch, and an epoch ends when running code asks for a
  // module: until then nothing but loading has happened since. Facts that Node itself looks at once are kept.
  let epoch = 1;
  const inputSeen = new Int32Array(manifest.inputCount);
  const setSeen = new Int32Array(sets.length >>> 1);
  const fileSeen = new Int32Array(manifest.moduleCount);
  const moduleAnswered = new Uint32Array(manifest.moduleCount);
  const factSeen = new Int32Array(facts.length >>> 2);
  // What Node has found for a module once it does not look for again in this process.
  const isGiven = new Uint8Array(requests.length / REQUEST_FIELDS);

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
    // Loaded late, since it takes long, and past all hooks, since others would see it.
    const digest = getBuiltinModule('node:crypto').createHash('sha256').update(content).digest();
    return compare(digest, sub(hashes, fact * 32, fact * 32 + 32)) === 0;
  }

  /** Return whether the directory that holds a file has the same names as ever, as its own times tell. */
  const directoryIsSame = (function directoryIsSame(fact, path) {
    if (fact === NONE || factSeen[fact] === -epoch) return false;
    if (factSeen[fact] === epoch) return true;
    const status = look(slice(path, 0, lastIndexOf(path, '/')));
    const isSame = status !== undefined && sameFingerprint(fact, status);
    factSeen[fact] = isSame ? epoch : -epoch;
    return isSame;
  });

  const inputHolds = (function inputHolds(input) {
    const kind = inputs[input * INPUT_FIELDS];
    const fact = inputs[input * INPUT_FIELDS + 5];
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
    report.hashed++;
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
      const kind = inputs[input * INPUT_FIELDS];
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

  function requirePatched() {
    for (let i = 0; i < PATCHABLE.length; i++) if (Module[PATCHABLE[i]] !== originals[i]) return true;
    return prototype._compile !== _compile || keys(extensions).length !== extensionCount;
  }
  const filesPatched = (function filesPatched() {
    return (
      fs.readFileSync !== readFileSync ||
      fs.realpathSync !== realpathSync ||
      fs.statSync !== statSync ||
      fs.lstatSync !== lstatSync ||
      binding.lstat !== lstat ||
      fs.openSync !== openSync ||
      fs.readSync !== readSync
    );
  });

  // Only what Node itself is to find under the very conditions that the manifest was made for is answered: a worker may have
  // others, and so may a process by ways that no flag shows.
  const expected = [null, ['import'].concat(BASE_CONDITIONS, conditions), ['require'].concat(BASE_CONDITIONS, conditions)];
  const isExpected = (function isExpected(asked, way) {
    const wanted = expected[way];
    const isList = typeof asked.length === 'number';
    for (let i = 0; i < wanted.length; i++) if (!(isList ? holds(asked, wanted[i]) : asked.has(wanted[i]))) return false;
    if (!isList) return asked.size === wanted.length;
    for (let i = 0; i < asked.length; i++) if (!holds(wanted, asked[i])) return false;
    return true;
  });

  // Node hands out the same arrays every time; others mean that another hook asks under other conditions.
  let importConditions = null;
  let requireConditions = null;
  const wayOfAsking = (function wayOfAsking(conditions) {
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
      // Node 22 hands out its own set to those who are asked about a `require`.
      way = conditions.has('require') ? REQUIRE : 0;
    }
    if (way === 0 || !isExpected(conditions, way)) return 0;
    if (way === IMPORT && importConditions === null) importConditions = conditions;
    else if (way === REQUIRE && requireConditions === null) requireConditions = conditions;
    else return 0;
    return way;
  });

  const answer = (function answer(specifier, context) {
    const way = wayOfAsking(context.conditions);
    if (way === 0) return null;
    const parent = context.parentURL;
    const parentIndex = indexes[parent === undefined ? specifier : parent];
    if (parentIndex === undefined) return null;
    const request = manifest.requestOf(parentIndex, way, specifier);
    if (request === undefined) return null;
    const target = requests[request * REQUEST_FIELDS + 3];
    const kind = modules[target * MODULE_FIELDS + 4];
    // Node finds CommonJS that is imported by the same functions, once more, if no hook has answered.
    if (filesPatched() || ((way === REQUIRE || kind === COMMONJS) && requirePatched())) return null;
    // Another type gives a file another format, under flags that Node has for it.
    const type = context.importAttributes?.type;
    if (type !== undefined && type !== 'json') return null;
    const at = request * REQUEST_FIELDS;
    if (requests[at + 2] & WHILE_RUNNING) epoch++;
    if (isGiven[request] === 0) {
      // The file itself is looked at when it is loaded.
      if (kind === NATIVE || !setHolds(requests[at + 4]) || !fileIsThere(target, requests[at + 5])) return null;
      isGiven[request] = 1;
    }
    report.resolved++;
    if (!ANSWERS_LOAD && moduleAnswered[target]++ === 0) {
      report.served++;
      noteLoaded();
    }
    // Node says no format where it answers a `require`; the loader finds out.
    const format = way === IMPORT ? FORMATS[kind] : undefined;
    return new Resolved(manifest.url(target), format);
  });

  const windows = [];
  /** Fill the window with what the pack has from `offset` on: `length` bytes or, where there are, as many as fit it. */
  // Closed at once: the program's next descriptor has the number that it would have had.
  const readPack = (function readPack(pack, window, offset, length) {
    const path = `${packsDirectory}/${manifest.packName(pack)}`;
    const status = look(path);
    if (status === undefined || (status[MODE] & OTHERS_AND_KIND) !== S_IFREG || status[OWNER] !== getuid()) return 0;
    const fact = manifest.packFact(pack);
    window.isSound = fact !== NONE && sameFingerprint(fact, status);
    // No larger than need be: V8 counts these bytes, and collects garbage when they seem many.
    const wanted = min(max(length, WINDOW), max(status[SIZE] - offset, 0));
    const descriptor = openSync(path, READ_AT_ONCE);
    try {
      if (window.bytes === null || window.bytes.length < wanted) {
        window.bytes = Buffer.allocUnsafeSlow((wanted + 7) & ~7);
        window.words = new Uint32Array(window.bytes.buffer);
      }
      return readSync(descriptor, window.bytes, 0, window.bytes.length, offset);
    } finally {
      closeSync(descriptor);
    }
  });

  /** Return the pack's window, moved over these bytes if need be, or null where the pack does not have them all. */
  const windowOver = (function windowOver(pack, offset, length) {
    const window = windows[pack] || (windows[pack] = { start: 0, end: 0, bytes: null, words: null, text: null, isSound: false });
    if (offset < window.start || offset + length > window.end) {
      // Sources were appended in the order in which they are loaded, so what follows is wanted next.
      window.start = offset;
      window.end = offset;
      window.end += readPack(pack, window, offset, length);
      window.text = null;
    }
    return offset + length <= window.end ? window : null;
  });

  /** Return whether packed text is that of the module's file, which may have begun with a byte order mark. */
  function isSourceOf(index, packed) {
    const text = modules[index * MODULE_FIELDS + 5] & ONE_BYTE ? latin1(packed, 0, packed.length) : ucs2(packed, 0, packed.length);
    return sameContent(index, text) || sameContent(index, `\ufeff${text}`);
  }

  const packedSource = (function packedSource(index) {
    const at = index * MODULE_FIELDS;
    const length = modules[at + 8];
    const padded = ENTRY_HEADER + ((length + 7) & ~7);
    const window = windowOver(modules[at + 6], modules[at + 7] - ENTRY_HEADER, padded);
    if (window === null) return null;
    const start = modules[at + 7] - window.start;
    const { bytes, words } = window;
    // Entries lie at multiples of 8, and so does the window.
    const first = start >>> 2;
    for (let i = 0; i < 8; i++) if (words[first - 8 + i] !== hashWords[index * 8 + i]) return null;
    // The entry's own words, before its hash: the length, the checksum, and whether it has one byte a character.
    if (start & 7 || words[first - 11] !== length || (words[first - 9] & 1) !== (modules[at + 5] & ONE_BYTE) >> 1) return null;
    // A file that is not the very one that was proven is not taken at its word.
    if (!window.isSound && !isSourceOf(index, sub(bytes, start, start + length))) return null;
    if (!(modules[at + 5] & ONE_BYTE)) return ucs2(bytes, start, start + length);
    // A slice of a string refers to it: sources are then no young objects, which the garbage collector would copy twice.
    if (window.text === null) window.text = latin1(bytes, 0, window.end - window.start);
    return slice(window.text, start, start + length);
  });

  const source = (function source(index) {
    const path = manifest.path(index);
    const status = look(path);
    if (status === undefined || (status[MODE] & S_IFMT) !== S_IFREG || !mayRead()) return null;
    if (sameFingerprint(index, status)) {
      if (modules[index * MODULE_FIELDS + 6] === NONE) {
        // CommonJS that is no UTF-8.
        report.served++;
        return null;
      }
      const text = packedSource(index);
      if (text === null) report.faults++;
      return text;
    }
    const content = readFileSync(path);
    if (!sameContent(index, content)) {
      note(report.stale, manifest.url(index));
      return null;
    }
    report.hashed++;
    const text = utf8(content, 0, content.length);
    return text.charCodeAt(0) === BYTE_ORDER_MARK ? slice(text, 1) : text;
  });

  /** Return whether the question fits what the manifest says, import attributes included, which Node checks there. */
  const fits = (function fits(kind, { format, importAttributes }) {
    if (importAttributes === undefined) return format === undefined || format === FORMATS[kind];
    if (format !== FORMATS[kind] || (kind === COMMONJS && !ANSWERS_IMPORTED_COMMONJS)) return false;
    const names = keys(importAttributes);
    if (kind !== JSON_MODULE) return names.length === 0;
    return names.length === 1 && names[0] === 'type' && importAttributes.type === 'json';
  });

  // Of a data: URL that is no module Node says null, which it knows itself but refuses in the answer of a hook.
  function loadUnknown(url, context, nextLoad) {
    try {
      return nextLoad(url, context);
    } catch (error) {
      if (error.code !== 'ERR_INVALID_RETURN_PROPERTY_VALUE') throw error;
      return { __proto__: null, format: undefined, source: '', shortCircuit: true };
    }
  }

  // Of others than the user who started the program Node would have to ask the system whether they may.
  const [user, group] = [geteuid(), getegid()];
  const mayRead = () => geteuid() === user && getegid() === group;

  const { cache } = require;
  let isFirstQuestion = true;
  let workersKnow = false;
  const hooks = {
    resolve: (function resolve(specifier, context, nextResolve) {
      if (isFirstQuestion) {
        isFirstQuestion = false;
        delete cache[hookFile];
      }
      // A worker's preload cannot know the program: whoever loads the module that makes workers has them told.
      if (!workersKnow && (specifier === 'node:worker_threads' || specifier === 'worker_threads')) {
        workersKnow = true;
        tellWorkers();
      }
      let found = null;
      try {
        found = answer(specifier, context);
      } catch {
        report.faults++;
      }
      if (found !== null) return found;
      const answered = nextResolve(specifier, context);
      // What no manifest knows is asked by running code, if it is not Node's own.
      if (slice(answered.url, 0, 5) !== 'node:') {
        epoch++;
        if (!ANSWERS_LOAD) noteFound(answered.url);
      }
      return answered;
    }),
    load: (function load(url, context, nextLoad) {
      let text = null;
      try {
        const index = indexes[url];
        if (index === undefined) {
          if (context.format !== 'builtin' && slice(url, 0, 5) !== 'node:') note(report.missed, url);
        } else {
          const kind = modules[index * MODULE_FIELDS + 4];
          if (kind !== NATIVE) noteLoaded();
          const isLeft = kind === COMMONJS && requirePatched();
          if (kind !== NATIVE && !isLeft && !filesPatched() && fits(kind, context)) text = source(index);
          else if (kind === COMMONJS) report.served++; // What is left: its resolution and its code cache.
        }
      } catch {
        report.faults++;
        text = null;
      }
      if (text === null) {
        // What is thrown is thrown on only where it must be: an error says on stderr where that was.
        const isUnknown = context.format === undefined && slice(url, 0, 5) === 'data:';
        return isUnknown ? loadUnknown(url, context, nextLoad) : nextLoad(url, context);
      }
      report.served++;
      return new Loaded(context.format, text);
    }),
  };
  if (!ANSWERS_LOAD) delete hooks.load;
  const registered = Module.registerHooks(hooks);

  return watchForOthers(Module, registered) ? report : null;
});
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:hooks.cjs
