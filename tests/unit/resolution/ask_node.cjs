'use strict';
// Prints what the running Node resolves, without running the resolved modules.
// stdin: [{kind: 'import' | 'require' | 'load', specifier, referrer}], stdout: [{url, format} | {code, message}].
// 'load' imports without any hook, for errors that only the loader throws.
const module_ = require('node:module');
const fs = require('node:fs');

const cases = JSON.parse(fs.readFileSync(0, 'utf8'));
const answers = [];
let current;
// The loader is asked once for each URL.
const refused = new Map();

function failure(error) {
  return { code: error.code ?? error.name, message: error.message };
}

const hooks = {
  resolve(specifier, context, nextResolve) {
    if (current === undefined) return nextResolve(specifier, context);
    const { kind, specifier: asked, referrer } = current;
    try {
      const answer =
        kind === 'import' ? nextResolve(asked, { ...context, parentURL: referrer }) : nextResolve(asked, context);
      current.answer = { url: answer.url, format: answer.format ?? null };
      // Without a format, only the loader decides: it may refuse the extension.
      current.explicit = answer.format !== undefined || !answer.url.startsWith('file:');
    } catch (error) {
      current.answer = failure(error);
    }
    if (kind === 'import' && current.answer.url?.startsWith('node:') && !module_.isBuiltin(current.answer.url)) {
      return { url: current.answer.url, format: 'builtin', shortCircuit: true };
    }
    if (kind === 'import' && current.answer.url !== undefined) {
      return { url: current.answer.url, format: current.answer.format ?? undefined, shortCircuit: true };
    }
    if (kind === 'require' && current.answer.url?.startsWith('file:')) {
      const extension = /\.(json|node)$/.exec(current.answer.url);
      if (extension === null) return { url: current.answer.url, format: current.answer.format ?? undefined };
      current.answer.format = extension[1] === 'json' ? 'json' : 'addon';
    }
    return {
      url: kind === 'import' ? 'data:text/javascript,' : 'node:path',
      format: kind === 'import' ? 'module' : 'builtin',
      shortCircuit: true,
    };
  },
  load(url, context, nextLoad) {
    if (current === undefined) return nextLoad(url, context);
    if (url.startsWith('node:')) return nextLoad(url, context);
    if (current.kind === 'import' && current.answer?.url !== undefined && !current.explicit) {
      try {
        nextLoad(url, { ...context, format: undefined });
      } catch (error) {
        if (error.code !== 'ERR_IMPORT_ATTRIBUTE_MISSING') refused.set(url, failure(error));
      }
    }
    if (current.kind === 'require') {
      // Here `require` says which format it takes the file for.
      // 'typescript' means that the source decides which of the two kinds it is.
      current.answer.format = context.format === 'typescript' ? null : (context.format ?? null);
      return { source: '', format: 'commonjs', shortCircuit: true };
    }
    return { source: '', format: 'module', shortCircuit: true };
  },
};

async function main() {
  if (cases.some(({ kind }) => kind !== 'load')) module_.registerHooks(hooks);
  for (let index = 0; index < cases.length; index++) {
    const asked = cases[index];
    const answer = { ...asked };
    try {
      if (asked.kind === 'load') {
        await import(asked.specifier);
        answer.answer = { loaded: true };
      } else if (asked.kind === 'import') {
        current = answer;
        await import(`case:${index}`);
        answer.answer = refused.get(answer.answer?.url) ?? answer.answer;
      } else {
        const load = module_.createRequire(asked.referrer);
        current = answer;
        load(asked.specifier);
        // Each question starts with an empty require.cache.
        for (const path of Object.keys(load.cache)) if (path !== __filename) delete load.cache[path];
      }
    } catch (error) {
      if (!answer.answer?.code) answer.answer = failure(error);
    }
    current = undefined;
    answers.push(answer.answer ?? { code: 'NO_ANSWER', message: '' });
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
