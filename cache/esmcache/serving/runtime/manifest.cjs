'use strict';
// Reads manifests; serving/manifest.py writes them and describes the bytes. Only the URLs are decoded at once, since
// they are keys. For the parentheses around functions see starting.cjs.
// Numbers in a manifest may point outside of their table. The bounds of tables, and the URLs, kinds and requests of
// modules, are checked at once. Other numbers that point outside yield undefined, or throw if they are of a string:
// hooks.cjs then lets Node answer.

const MOST_SKIPPED = 8;
const { min, ceil } = Math;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const slice = uncurry(String.prototype.slice);
const utf8 = uncurry(Buffer.prototype.utf8Slice);

const MODULE_FIELDS = 12;
const REQUEST_FIELDS = 6;
const INPUT_FIELDS = 6;
const WANTS_CALLED_FUNCTIONS = 2;
const HEADER_SIZE = 128;
const LAST_KIND = 3;

/** Return the manifest in bytes whose checksum is right, or null if it is another program's or points outside. */
module.exports = (function open(bytes, header, identity) {
  // Each table must begin where the one before it ends.
  let end = HEADER_SIZE;
  let isWhole = true;
  const numbers = (count, fields, offset) => {
    const length = count * fields;
    isWhole = isWhole && offset === end && (end = ceil((end + length * 4) / 8) * 8) <= bytes.length;
    return isWhole ? new Uint32Array(bytes.buffer, offset, length) : null;
  };
  const moduleCount = header[4];
  const requestCount = header[6];
  const modules = numbers(moduleCount, MODULE_FIELDS, header[5]);
  const requests = numbers(requestCount, REQUEST_FIELDS, header[7]);
  const sets = numbers(header[8], 2, header[9]);
  const members = numbers(header[10], 1, header[11]);
  const inputs = numbers(header[12], INPUT_FIELDS, header[13]);
  const packs = numbers(header[14], 3, header[15]);
  const factCount = (header[17] - header[16]) >>> 5;
  numbers(factCount, 8, header[16]);
  const hashWords = numbers(factCount, 8, header[17]);
  const start = header[18];
  const size = header[19];
  if (!isWhole || factCount < moduleCount || start !== end || ceil((end + size) / 8) * 8 !== bytes.length) return null;

  // For ASCII, this is as fast as decoding Latin-1.
  const text = utf8(bytes, start, start + size);
  const { length: textLength } = text;
  const string = (offset, length) => {
    if (!(offset + length <= textLength)) throw 'a string outside';
    return slice(text, offset, offset + length);
  };
  if (slice(text, header[21], header[21] + header[22]) !== identity) return null;

  // Each URL is one string object, since V8 keeps the hash of a string that was a key.
  const urls = new Array(moduleCount);
  const indexes = { __proto__: null };
  let next = 0;
  for (let i = 0, at = 0; i < moduleCount; i++, at += MODULE_FIELDS) {
    const urlEnd = modules[at] + modules[at + 1];
    if (urlEnd > textLength || modules[at + 4] > LAST_KIND || modules[at + 10] !== next) return null;
    urls[i] = slice(text, modules[at], urlEnd);
    indexes[urls[i]] = i;
    next += modules[at + 11];
  }
  if (next !== requestCount) return null;

  // A module mostly sends its requests in the listed order, so the search begins behind the last one. Other requests
  // are looked up in a table from specifier to request number. Following the whole list is faster than building it.
  const cursors = new Uint32Array(moduleCount);
  const asked = new Array(moduleCount);
  const tableOf = (index, way) => {
    const both = asked[index] || (asked[index] = [null, null]);
    if (both[way - 1] === null) {
      const table = (both[way - 1] = { __proto__: null });
      const first = modules[index * MODULE_FIELDS + 10];
      const count = modules[index * MODULE_FIELDS + 11];
      for (let i = first; i < first + count; i++) {
        const at = i * REQUEST_FIELDS;
        if (requests[at + 2] & way) table[string(requests[at], requests[at + 1])] = i;
      }
    }
    return both[way - 1];
  };
  const requestOf = (function requestOf(index, way, specifier) {
    const first = modules[index * MODULE_FIELDS + 10];
    const count = modules[index * MODULE_FIELDS + 11];
    const { length } = specifier;
    for (let i = cursors[index], end = min(count, i + MOST_SKIPPED); i < end; i++) {
      const at = (first + i) * REQUEST_FIELDS;
      if (requests[at + 1] === length && requests[at + 2] & way && string(requests[at], length) === specifier) {
        cursors[index] = i + 1;
        return first + i;
      }
    }
    return tableOf(index, way)[specifier];
  });

  return {
    moduleCount,
    inputCount: header[12],
    wantsCalledFunctions: (header[24] & WANTS_CALLED_FUNCTIONS) !== 0,
    loadedFirst: header[25],
    indexes,
    modules,
    requests,
    sets,
    members,
    inputs,
    facts: new Float64Array(bytes.buffer, header[16], factCount * 4),
    hashes: bytes.subarray(header[17]),
    hashWords,
    requestOf,
    url: (index) => urls[index],
    path(index) {
      const at = index * MODULE_FIELDS;
      const length = modules[at + 3];
      return length === 0 ? slice(urls[index], 7) : string(modules[at + 2], length);
    },
    inputPath: (input) => string(inputs[input * INPUT_FIELDS + 1], inputs[input * INPUT_FIELDS + 2]),
    inputDetail: (input) => string(inputs[input * INPUT_FIELDS + 3], inputs[input * INPUT_FIELDS + 4]),
    packName: (pack) => string(packs[pack * 3], packs[pack * 3 + 1]),
    packFact: (pack) => packs[pack * 3 + 2],
  };
});
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:manifest.cjs
