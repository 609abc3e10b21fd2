'use strict';
// Lists the functions that a start called, so that the next warm precompiles them. V8 counts calls anyway, and is asked
// once, when the program ends. This file captures everything that it needs before the program can change it.

const { memoryUsage } = process;
const inspector = process.getBuiltinModule('node:inspector');
const { connect, post, disconnect } = inspector === undefined ? {} : inspector.Session.prototype;
const session = inspector === undefined ? null : new inspector.Session();
const hex = Function.prototype.call.bind(Buffer.prototype.hexSlice);
const { setPrototypeOf } = Object;
const { apply } = Reflect;
// V8 walks the whole heap for the answer, so programs with larger heaps are not asked.
const LARGEST_HEAP = 256 * 1024 * 1024;

// Generated from serving/layout.py.
const MODULE_FIELDS = 12;
const MODULE_KIND = 4;
const KIND_NATIVE = 0;
const KIND_JSON = 2;
// End of what is generated.

/** Return the offsets of called functions by the SHA-256 of their source, or undefined if they are unknown. */
module.exports = function calledFunctions(manifest) {
  try {
    if (session === null || memoryUsage().heapUsed > LARGEST_HEAP) return undefined;
    let called;
    const take = (error, answer) => {
      if (error === null) called = bySource(answer.result, manifest);
    };
    apply(connect, session, []);
    apply(post, session, ['Profiler.getBestEffortCoverage', take]);
    apply(disconnect, session, []);
    return called;
  } catch {
    return undefined;
  }
};

function bySource(scripts, { indexes, modules, hashes }) {
  const called = { __proto__: null };
  for (let i = 0; i < scripts.length; i++) {
    const { url, functions } = scripts[i];
    const index = indexes[url];
    if (index === undefined) continue;
    const kind = modules[index * MODULE_FIELDS + MODULE_KIND];
    if (kind === KIND_NATIVE || kind === KIND_JSON) continue;
    // Without Array.prototype, where a program may have put setters or a `toJSON`.
    const starts = setPrototypeOf([], null);
    // The top level is listed, too, which does no harm.
    for (let j = 0; j < functions.length; j++) {
      const { count, startOffset } = functions[j].ranges[0];
      if (count > 0) starts[starts.length] = startOffset;
    }
    called[hex(hashes, index * 32, index * 32 + 32)] = starts;
  }
  return called;
}
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:called.cjs
