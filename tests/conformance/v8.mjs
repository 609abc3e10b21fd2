// V8, in Node: run with --experimental-vm-modules. Reads file names from stdin as JSON strings, one a line;
// answers each with a line of JSON. Nothing is evaluated.
import { readFileSync, writeSync } from 'node:fs';
import { SourceTextModule } from 'node:vm';

const names = readFileSync(0, 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line));
for (const name of names) {
  const source = new TextDecoder().decode(readFileSync(name));
  let answer;
  try {
    const module = new SourceTextModule(source);
    const requests = module.moduleRequests.map(({ specifier, attributes, phase }) => ({
      specifier: specifier.toWellFormed(),
      attributes,
      phase,
    }));
    answer = { error: null, requests, has_tla: module.hasTopLevelAwait() };
  } catch (thrown) {
    answer = { error: `${thrown.name}: ${thrown.message}` };
  }
  writeAll(`${JSON.stringify(answer)}\n`);
}

function writeAll(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}
