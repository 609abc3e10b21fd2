'use strict';
// Tells which functions a start called, so that they can be compiled into the code caches: V8 counts calls anyway, and
// is asked once, when the program ends. Loaded, as all that it needs, before the program can change anything.

const { memoryUsage } = process;
const inspector = process.getBuiltinModule('node:inspector');
const { connect, post, disconnect } = inspector === undefined ? {} : inspector.Session.prototype;
const session = inspector === undefined ? null : new inspector.Session();
const hex = Function.prototype.call.bind(Buffer.prototype.hexSlice);
const { setPrototypeOf } = Object;
const { apply } = Reflect;
// V8 looks through all objects for the answer.
const LARGEST_HEAP = 256 * 1024 * 1024;
const MODULE_FIELDS = 12;
const [MODULE, COMMONJS] = [1, 3];

/** Return, by the SHA-256 of a source, where in it the functions start that were called; undefined if that is unknown. */
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
    // Then it is not known.
    return undefined;
  }
};

function bySource(scripts, { indexes, modules, hashes }) {
  const called = { __proto__: null };
  for (let i = 0; i < scripts.length; i++) {
    const { url, functions } = scripts[i];
    const index = indexes[url];
    if (index === undefined) continue;
    const kind = modules[index * MODULE_FIELDS + 4];
    if (kind !== MODULE && kind !== COMMONJS) continue;
    // No array's prototype, where a program may have setters, or a `toJSON`.
    const starts = setPrototypeOf([], null);
    // A top level is among them, which does no harm.
    for (let j = 0; j < functions.length; j++) {
      const { count, startOffset } = functions[j].ranges[0];
      if (count > 0) starts[starts.length] = startOffset;
    }
    called[hex(hashes, index * 32, index * 32 + 32)] = starts;
  }
  return called;
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:called.cjs
