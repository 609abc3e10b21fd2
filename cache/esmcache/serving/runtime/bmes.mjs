// Decodes BMES (grammar: cache/esmcache/bmes/format.py) from memory, without dependencies.
//
// Like the Python decoder, it checks every length, count and enum (the levels "header" and "structure"). The caller
// must compare checksum, source hash and engine tag.

const MAGIC = 0x424d4553;
const VERSION = 1;
const CLOSING_MAGIC = 0x424d4554;
const HASH_SIZE = 32;
const SMALLEST_TRAILER_SIZE = 80;
const LARGEST_TRAILER_SIZE = 4096;
const LARGEST_FILE_SIZE = 2 ** 30;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns {valid: true, level: 2}, or {valid: false, level, error} with the last level that was passed (0 or 1). */
export function validateMetadata(bytes) {
  try {
    decode(bytes);
    return { valid: true, level: 2 };
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return { valid: false, level: error.level, error: error.message };
  }
}

/**
 * Returns {requests, imports, exports, stars, bytecode, trailer}. `bytecode` is a view of `bytes`; absent strings are
 * empty; an absent trailer is null. Throws an Error for damaged bytes.
 */
export function decode(bytes) {
  const reader = { bytes, offset: 0 };
  if (bytes.length > LARGEST_FILE_SIZE) throw new Damage(0, 'the file is larger than a BMES file may be');
  if (bytes.length < 8) throw new Damage(0, 'the file is shorter than a header');
  if (u32(reader) !== MAGIC) throw new Damage(0, 'the magic is wrong');
  if (u32(reader) !== VERSION) throw new Damage(0, 'the version is unknown');
  const requests = entries(reader, 8, request);
  const imports = entries(reader, 16, importEntry);
  const exports = entries(reader, 20, exportEntry);
  const stars = entries(reader, 4, string);
  const bytecode = content(reader, u32(reader));
  return { requests, imports, exports, stars, bytecode, trailer: trailer(reader) };
}

class Damage extends Error {
  constructor(level, message) {
    super(message);
    this.level = level;
  }
}

function damage(reader, message) {
  return new Damage(1, `at byte ${reader.offset}: ${message}`);
}

function u32(reader) {
  const { bytes, offset } = reader;
  if (bytes.length - offset < 4) throw damage(reader, 'the file ends in the middle of a number');
  reader.offset = offset + 4;
  return (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>> 0;
}

function content(reader, size) {
  const start = reader.offset;
  if (size > reader.bytes.length - start) throw damage(reader, `${size} bytes are announced, but not there`);
  reader.offset = start + size;
  return reader.bytes.subarray(start, reader.offset);
}

function string(reader) {
  const text = content(reader, u32(reader));
  try {
    return utf8.decode(text);
  } catch {
    throw damage(reader, 'a string is not UTF-8');
  }
}

function entries(reader, smallestSize, entry) {
  const count = u32(reader);
  // A wrong count must not allocate memory.
  if (count * smallestSize > reader.bytes.length - reader.offset) {
    throw damage(reader, `${count} entries are announced, more than fit into the file`);
  }
  const result = [];
  for (let index = 0; index < count; index++) result[index] = entry(reader);
  return result;
}

function request(reader) {
  const specifier = string(reader);
  const hasAttributes = u32(reader);
  if (hasAttributes > 1) throw damage(reader, `${hasAttributes} is neither 0 nor 1`);
  return { specifier, attributes: hasAttributes ? entries(reader, 8, attribute) : [] };
}

function attribute(reader) {
  return { key: string(reader), value: string(reader) };
}

function importEntry(reader) {
  return {
    type: type(reader),
    moduleRequest: string(reader),
    importName: string(reader),
    localName: string(reader),
  };
}

function exportEntry(reader) {
  return {
    type: type(reader),
    exportName: string(reader),
    moduleName: string(reader),
    importName: string(reader),
    localName: string(reader),
  };
}

function type(reader) {
  const value = u32(reader);
  if (value > 2) throw damage(reader, `${value} is no entry's type`);
  return value;
}

function trailer(reader) {
  const size = reader.bytes.length - reader.offset;
  if (size === 0) return null;
  if (size < SMALLEST_TRAILER_SIZE || size > LARGEST_TRAILER_SIZE) {
    throw damage(reader, `${size} bytes after the bytecode are no trailer`);
  }
  const result = {
    moduleKind: string(reader),
    engineTag: string(reader),
    sourceSha256: content(reader, HASH_SIZE),
    checksum: content(reader, HASH_SIZE),
  };
  if (u32(reader) !== size) throw damage(reader, "the trailer's length is not its own");
  if (u32(reader) !== CLOSING_MAGIC) throw damage(reader, "the trailer's closing magic is wrong");
  if (reader.offset !== reader.bytes.length) throw damage(reader, 'bytes follow the trailer');
  return result;
}
