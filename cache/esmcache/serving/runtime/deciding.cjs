'use strict';
// Has a program served whose manifest is there, or else told why it is not served. Code caches that an earlier start is
// known to have loaded are used at once, since what is loaded from there on has code caches itself.

const { env, getBuiltinModule, geteuid, pid, version } = process;
const QUIETLY = { __proto__: null, throwIfNoEntry: false };

// What tells a manifest and a directory from others, a few words and a program's identity are shorter.
const LONGEST_MARK = 16384;
// Where code caches lie: a trust domain, and what Node calls the directory for its version, V8's flags and the user.
const DOMAIN_LENGTH = 32;
const isPlace = (text) =>
  text.indexOf('/') === DOMAIN_LENGTH && text.lastIndexOf('/') === DOMAIN_LENGTH && text[DOMAIN_LENGTH + 1] === 'v';

/** Return whether the program is served. */
module.exports = (function decide(fs, load, hookFile, directory, file, isThere, given) {
  // What others can write may hold anything. Of the directories in it, those that a start reads or writes itself.
  let refused = load.findUntrusted(fs, '', directory);
  if (refused === '') {
    for (const name of ['manifests', 'packs', 'seals', 'live', 'starts', 'events']) {
      const place = load.findUntrusted(fs, directory, name);
      if (place !== '' && fs.existsSync(place)) refused = place;
    }
  }
  const isOurs = refused === '';
  if (!isOurs && given.log === null) return false;
  let reason = isOurs ? given.reason : given.log.whyRefused(refused);
  if (reason === '') {
    const status = isThere ? fs.statSync(file, QUIETLY) : undefined;
    if (status === undefined) reason = 'no manifest';
    else {
      const Module = getBuiltinModule('node:module');
      const codeCaches = useProven(fs, load, Module, directory, status, given);
      reason = load(fs, 'serving.cjs')(fs, load, hookFile, directory, file, status, given, Module, codeCaches);
    }
  }
  if (reason !== '') load(fs, 'telling.cjs').teller(fs, isOurs ? directory : null, given)({ served: 0, reason });
  return reason === '';
});

/** Use the code caches if a start with this very manifest is known to have loaded them; return what became of them so far. */
const useProven = (function useProven(fs, load, Module, directory, { ino, ctimeMs }, given) {
  const { identity, name } = given.told;
  const mark = `${directory}/starts/${name}`;
  const enable = (place) => enableAt(fs, Module, directory, place, codeCaches);
  const look = (place) => lookAt(fs, load, directory, place);
  const read = (file) => readShort(fs, file);
  // Whatever is written changes that time.
  const codeCaches = { became: '', mark, identity, manifest: `${ino}-${ctimeMs}`, said: '', enable, look, read, close: null };
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || given.observed) {
    codeCaches.became = 'left off';
  } else {
    // Another program's mark may have the same name.
    const text = read(mark);
    const end = text.indexOf('\n');
    const said = (codeCaches.said = text.slice(end + 1) === identity ? text.slice(0, end) : '');
    const known = `${codeCaches.manifest} loaded `;
    const place = said.slice(known.length, said.lastIndexOf(' '));
    // Under other flags of V8 the manifest has to be asked.
    if (!given.v8 && isPlace(place) && said === known + look(place)) codeCaches.became = enable(place);
  }
  return codeCaches;
});

/** Return a directory of code caches with what tells it from what it was before or will be, '' if others can write to it. */
const lookAt = (function lookAt(fs, load, directory, place) {
  if (load.findUntrusted(fs, directory, `v8/${place}`) !== '') return '';
  const { ino, ctimeMs } = fs.lstatSync(`${directory}/v8/${place}`);
  return `${place} ${ino}-${ctimeMs}`;
});

/** Return what a short file of ours says, '' where that cannot be known. */
const readShort = (function readShort(fs, file) {
  try {
    const status = fs.lstatSync(file, QUIETLY);
    // What is no file may be read without an end. Text as UTF-8 Node has from the system at once.
    return status?.isFile() && status.size <= LONGEST_MARK ? fs.readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
});

/** Point Node's compile cache at the code caches of a place and return what became of it. */
const enableAt = (function enableAt(fs, Module, directory, place, codeCaches) {
  const domain = `${directory}/v8/${place.slice(0, DOMAIN_LENGTH)}`;
  // From Node 26 on the cache can be read without being written at exit.
  const isWritten = parseInt(version.slice(1), 10) < 26;
  let path = domain;
  // No mode keeps root from writing. A link that is gone at exit does: Node writes after the last listener.
  if (isWritten && geteuid() === 0) path = linkTo(fs, domain, `${directory}/live`, codeCaches);
  const answer = Module.enableCompileCache(isWritten ? path : { directory: path, readOnly: true, portable: false });
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
});

/** Return a link of this thread's own to a directory, or the directory where there can be none. */
function linkTo(fs, target, holder, codeCaches) {
  const { symlinkSync, unlinkSync } = fs;
  const thread = process.abort.disabled === true ? getBuiltinModule('node:worker_threads').threadId : 0;
  const link = `${holder}/${pid}-${thread}`;
  try {
    try {
      symlinkSync(target, link);
    } catch (error) {
      // An earlier process had the same number, and was killed.
      if (error.code !== 'EEXIST' || fs.readlinkSync(link) !== target) return target;
    }
  } catch {
    return target;
  }
  codeCaches.close = () => unlinkSync(link);
  return link;
}
// A name that is no file's, so that the coverage of a program does not list this one.
//# sourceURL=esmcache:deciding.cjs
