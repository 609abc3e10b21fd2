// oxc-parser: reads file names from stdin as JSON strings, one a line; answers each with a line of JSON that has
// the requests with their attributes and phases, the entries for imports and exports, and the `import(…)` expressions.
// The first argument is a package.json beside which oxc-parser is installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readLines, writeLine } from './lines.mjs';

const { parseSync } = createRequire(process.argv[2])('oxc-parser');

for (const name of readLines()) {
  const source = new TextDecoder().decode(readFileSync(name));
  const parsed = parseSync('module.mjs', source, { sourceType: 'module', lang: 'js' });
  const errors = parsed.errors.filter(({ severity }) => severity === 'Error');
  let answer;
  if (errors.length > 0) {
    answer = { error: errors[0].message };
  } else {
    const { body } = parsed.program;
    const requests = body
      .filter(({ source }) => source)
      .map((node) => ({
        specifier: node.source.value.toWellFormed(),
        attributes: Object.fromEntries(node.attributes.map(({ key, value }) => [key.name ?? key.value, value.value])),
        phase: node.phase ?? 'evaluation',
      }));
    const dynamic = parsed.module.dynamicImports.length > 0 ? dynamicImports(body) : [];
    if (dynamic.length !== parsed.module.dynamicImports.length) throw new Error(`${name}: an import() was not found`);
    // oxc-parser's record lacks the statements whose specifier is ill-formed.
    const isWhole = body.every(({ source }) => !source || source.value.isWellFormed());
    answer = { error: null, requests, dynamic, entries: isWhole ? entries(parsed.module) : null };
  }
  writeLine(answer);
}

// Lists of strings: [specifier, imported name, local name] and [exported name, specifier, imported name, local name],
// where null means that there is none. The local name of an exported expression is null, too.
function entries({ staticImports, staticExports }) {
  const imports = staticImports.flatMap(({ moduleRequest, entries }) =>
    entries.map(({ importName, localName }) => [
      moduleRequest.value,
      importName.kind === 'Default' ? 'default' : nameOrKind(importName),
      localName.value,
    ]),
  );
  const exports = staticExports
    .flatMap(({ entries }) => entries)
    .map(({ exportName, moduleRequest, importName, localName }) => [
      exportName.kind === 'Default' ? 'default' : nameOrKind(exportName),
      moduleRequest?.value ?? null,
      nameOrKind(importName),
      localName.kind === 'Name' ? localName.name : null,
    ]);
  return { imports, exports };
}

function nameOrKind({ kind, name }) {
  if (kind === 'None') return null;
  return kind === 'Name' ? name : `*${kind}*`;
}

function dynamicImports(body) {
  const found = [];
  const pending = [body];
  while (pending.length > 0) {
    const node = pending.pop();
    if (node.type === 'ImportExpression') found.push(node);
    for (const child of Object.values(node)) if (child && typeof child === 'object') pending.push(child);
  }
  found.sort((one, other) => one.start - other.start || other.end - one.end);
  return found.map(({ source, options }) => ({ specifier: literal(source), attributes: attributes(options) }));
}

function literal(node) {
  if (node.type === 'ParenthesizedExpression') return null;
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value.toWellFormed();
  if (node.type !== 'TemplateLiteral' || node.quasis.length !== 1) return null;
  return node.quasis[0].value.cooked.toWellFormed();
}

function attributes(options) {
  const written = options?.properties?.find(({ key, computed }) => !computed && nameOf(key) === 'with')?.value;
  const pairs = written?.properties ?? [];
  if (pairs.some(({ type, computed, value }) => type !== 'Property' || computed || typeof value.value !== 'string')) {
    return {};
  }
  return Object.fromEntries(pairs.map(({ key, value }) => [nameOf(key), value.value]));
}

function nameOf(key) {
  return key.name ?? key.value;
}
