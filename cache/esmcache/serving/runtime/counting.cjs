'use strict';
// Lets a program that may count its calls use code caches until it uses the inspector. V8 counts branches only in
// functions that it compiles itself after a session has asked for that. Functions of modules that are loaded before are
// no matter, since the code caches of such a program have only top levels, which V8 has compiled by then without the
// cache, too. Modules that are loaded after must have no code cache. So Node finds the code caches by a link, which is
// removed as soon as the program sends its first message to the inspector or opens it.

const { pid } = process;
const { defineProperty, getOwnPropertyDescriptor } = Object;
const { apply } = Reflect;

/** Enable the code caches at a place, and stop their use once the program uses the inspector. */
module.exports = function enableUntilInspected(fs, binding, holder, place, codeCaches) {
  const { readdirSync, unlinkSync } = fs;
  const { open, Connection, MainThreadConnection } = binding ?? {};
  const methods = [];
  for (const one of [Connection, MainThreadConnection]) {
    const { prototype } = one ?? {};
    const property = prototype && getOwnPropertyDescriptor(prototype, 'dispatch');
    if (property?.configurable && property.value !== undefined) methods.push({ prototype, property });
  }
  if (methods.length !== 2 || typeof open !== 'function') {
    codeCaches.outcome = 'no link';
    return;
  }

  function stop() {
    for (let i = 0; i < methods.length; i++) defineProperty(methods[i].prototype, 'dispatch', methods[i].property);
    if (codeCaches.outcome !== 'enabled') return;
    codeCaches.outcome = 'stopped';
    try {
      // A worker can count the calls of the main thread, too, so all links of the process are removed.
      const names = readdirSync(holder);
      for (let i = 0; i < names.length; i++) if (names[i].startsWith(`${pid}-`)) unlinkSync(`${holder}/${names[i]}`);
    } catch {
      // Another thread has removed them.
    }
  }

  // An accessor adds no frame to the stacks that a program can see while the inspector answers.
  for (const { prototype, property } of methods) {
    const { enumerable, value } = property;
    const take = () => {
      stop();
      return value;
    };
    const replace = (other) => {
      stop();
      prototype.dispatch = other;
    };
    defineProperty(prototype, 'dispatch', { __proto__: null, configurable: true, enumerable, get: take, set: replace });
  }
  binding.open = function () {
    stop();
    return apply(open, this, arguments);
  };
  codeCaches.outcome = codeCaches.enable(place, true);
};
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:counting.cjs
