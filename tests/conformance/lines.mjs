// How the scripts of this directory are asked, by JSON on stdin, and answer, by JSON on stdout; one value a line.
import { readFileSync, writeSync } from 'node:fs';

/** Return the values on stdin. */
export function readLines() {
  return readFileSync(0, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Write a value; stdout may take a part of it at a time. */
export function writeLine(value) {
  let rest = Buffer.from(`${JSON.stringify(value)}\n`);
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}
