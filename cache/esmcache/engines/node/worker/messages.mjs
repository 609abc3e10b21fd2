// The messages between the Python client and this worker; `messages.py` describes each field.
// A frame is two u32 little-endian (length of the header, length of the payload), the header as JSON, the payload.

import { readSync, writeSync } from 'node:fs';

/** The fields of each message, in the order of the dataclasses in `messages.py`; a test compares them. */
export const MESSAGES = {
  Hello: ['version', 'arch', 'v8_version', 'v8_tag'],
  Compile: ['id', 'kind', 'url', 'filename', 'functions', 'strips', 'source_url'],
  Compiled: ['id', 'requests', 'detected_kind', 'stripped'],
  Failed: [
    'id',
    'message',
    'line',
    'column',
    'end_line',
    'end_column',
    'is_syntax_error',
    'detected_kind',
    'error_code',
  ],
};

/** The values of `Compile.kind`. */
export const COMPILE_KINDS = ['module', 'commonjs', 'detect', 'translate'];

const LENGTHS = 8;
const INITIAL_CAPACITY = 1 << 20;
const NO_PAYLOAD = Buffer.alloc(0);

/**
 * Return a function that returns the next frame as `{ header, payload }`, or null at the end of the input.
 * The payload is a view that the next call overwrites.
 */
export function frameReader(descriptor) {
  let buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY);
  let start = 0;
  let end = 0;

  function fill(wanted) {
    while (end - start < wanted) {
      if (start + wanted > buffer.length) {
        const target = wanted > buffer.length ? Buffer.allocUnsafeSlow(wanted + INITIAL_CAPACITY) : buffer;
        buffer.copy(target, 0, start, end);
        buffer = target;
        end -= start;
        start = 0;
      }
      const count = readSync(descriptor, buffer, end, buffer.length - end, null);
      if (count === 0) return false;
      end += count;
    }
    return true;
  }

  return function next() {
    if (start === end) {
      start = end = 0;
      // One huge source must not hold its memory for as long as the worker lives.
      if (buffer.length > 8 * INITIAL_CAPACITY) buffer = Buffer.allocUnsafeSlow(INITIAL_CAPACITY);
    }
    if (!fill(LENGTHS)) return null;
    const headerLength = buffer.readUInt32LE(start);
    const payloadLength = buffer.readUInt32LE(start + 4);
    const total = LENGTHS + headerLength + payloadLength;
    if (!fill(total)) return null;
    const headerStart = start + LENGTHS;
    const payloadStart = headerStart + headerLength;
    const header = JSON.parse(buffer.latin1Slice(headerStart, payloadStart));
    const payload = buffer.subarray(payloadStart, payloadStart + payloadLength);
    start += total;
    return { header, payload };
  };
}

/** Write one whole frame; throws if the reader has closed its end. */
export function writeFrame(descriptor, header, payload = NO_PAYLOAD) {
  const encoded = Buffer.from(JSON.stringify(header));
  const frame = Buffer.allocUnsafe(LENGTHS + encoded.length + payload.length);
  frame.writeUInt32LE(encoded.length, 0);
  frame.writeUInt32LE(payload.length, 4);
  encoded.copy(frame, LENGTHS);
  payload.copy(frame, LENGTHS + encoded.length);
  for (let at = 0; at < frame.length; ) at += writeSync(descriptor, frame, at);
}
