// V8, in Node: run with --experimental-vm-modules. Reads file names from stdin as JSON strings, one a line;
// answers each with a line of JSON. Nothing is evaluated.
import { readFileSync } from 'node:fs';
import { SourceTextModule, SyntheticModule } from 'node:vm';
import { readLines, writeLine } from './lines.mjs';

const EVERY_NAME = ['a module with each imported name', 'another module with each imported name'];
const MISSING_NAME = /^The requested module '(.*)' does not provide an export named '(.*)'$/s;
// Each imported name takes an instantiation.
const MOST_NAMES = 500;

for (const name of readLines()) {
  const source = new TextDecoder().decode(readFileSync(name));
  let answer;
  try {
    const module = new SourceTextModule(source);
    const requests = module.moduleRequests.map(({ specifier, attributes, phase }) => ({
      specifier: specifier.toWellFormed(),
      attributes,
      phase,
    }));
    const isPlain = requests.every(({ phase }) => phase === 'evaluation');
    answer = { error: null, requests, has_tla: module.hasTopLevelAwait(), names: isPlain ? namesIn(source) : null };
  } catch (thrown) {
    answer = { error: `${thrown.name}: ${thrown.message}` };
  }
  writeLine(answer);
}

// Returns the imported names, the exported names and the specifiers of star exports, or null if there are too many or
// V8 cannot compile a text of this size.
// V8 lists none of them, but it names an import that the requested module lacks. So each request is linked to a module
// without exports at first, and to one that has the missing name then, until the module links. The namespace has the
// exports: a name of the requested module's own shows a star export. The two star exports at the end have the other
// names of the requested modules, which makes these names ambiguous, so that the namespace has none of them.
function namesIn(source) {
  const stars = EVERY_NAME.map((specifier) => `export * from ${JSON.stringify(specifier)};`);
  const module = new SourceTextModule([source, ...stars].join('\n'));
  const specifiers = module.moduleRequests.map(({ specifier }) => specifier);
  const imports = new Map();
  const everyName = new Set();
  for (let count = 0; count <= MOST_NAMES; count++) {
    let missing;
    try {
      missing = missingName(module, specifiers, imports, everyName);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
    if (missing === null) return namesOf(module, specifiers, imports);
    const [specifier, name] = missing;
    imports.set(specifier, [...(imports.get(specifier) ?? []), name]);
    everyName.add(name);
  }
  return null;
}

function missingName(module, specifiers, imports, everyName) {
  module.linkRequests(
    specifiers.map((specifier, number) => {
      const given = EVERY_NAME.includes(specifier) ? everyName : (imports.get(specifier) ?? []);
      return new SyntheticModule([...given, starOf(number)], () => {});
    }),
  );
  try {
    module.instantiate();
    return null;
  } catch (error) {
    const missing = MISSING_NAME.exec(error.message);
    if (missing === null) throw error;
    return missing.slice(1);
  }
}

function namesOf(module, specifiers, imports) {
  const exported = new Set(Reflect.ownKeys(module.namespace).filter((key) => typeof key === 'string'));
  const stars = specifiers.filter((_, number) => exported.delete(starOf(number)));
  return {
    imports: [...imports].flatMap(([specifier, given]) => given.map((name) => [specifier.toWellFormed(), name])),
    exports: [...exported],
    stars: stars.slice(0, -EVERY_NAME.length).map((specifier) => specifier.toWellFormed()),
  };
}

function starOf(number) {
  return `the star export of request ${number}`;
}
