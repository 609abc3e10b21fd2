'use strict';
// Serves the program if it has a manifest, or else reports why not. Code caches that an earlier start has loaded are
// enabled first, since the files of the preload that are loaded next have code caches among them.

const { env, getBuiltinModule, geteuid, pid, version } = process;

// Marks of starts and seals are shorter: they hold inodes, times, a few words and a program's identity.
const LONGEST_MARK = 16384;
// A place is `<trust domain>/<directory>`. Node names the directory by version, architecture, V8's tag and user.
const DOMAIN_LENGTH = 32;
const [S_IFMT, S_IFREG] = [0o170000, 0o100000];
const isPlace = (text) =>
  text.indexOf('/') === DOMAIN_LENGTH && text.lastIndexOf('/') === DOMAIN_LENGTH && text[DOMAIN_LENGTH + 1] === 'v';

/** Return whether the program is served. */
module.exports = (function decide(fs, load, hookFile, directory, file, status, given) {
  // Others may put anything into directories that they can write. stateOf checks v8/ itself, later.
  let refused = load.findUntrusted(fs, '', directory);
  if (refused === '') {
    for (const name of ['manifests', 'packs', 'seals', 'live', 'starts', 'events']) {
      const place = load.findUntrusted(fs, directory, name);
      if (place !== '' && fs.existsSync(place)) refused = place;
    }
  }
  const isTrusted = refused === '';
  if (!isTrusted && given.log === null) return false;
  let reason = isTrusted ? given.reason : given.log.whyRefused(refused);
  if (reason === '') {
    if (status === undefined) reason = 'no manifest';
    else {
      const Module = getBuiltinModule('node:module');
      const codeCaches = enableIfLoadedBefore(fs, load, Module, directory, versionOf(status), given);
      reason = load(fs, 'serving.cjs')(fs, load, hookFile, directory, file, status, given, Module, codeCaches);
    }
  }
  if (reason !== '') load(fs, 'reporting.cjs').reporter(fs, isTrusted ? directory : null, given)({ served: 0, reason });
  return reason === '';
});

/** Enable the code caches if an earlier start with this manifest has loaded them; return their state so far. */
const enableIfLoadedBefore = (function enableIfLoadedBefore(fs, load, Module, directory, manifest, given) {
  const { identity, name } = given.program;
  const mark = `${directory}/starts/${name}`;
  const enable = (place, byLink) => enableAt(fs, Module, directory, place, codeCaches, byLink);
  const look = (place) => stateOf(fs, load, directory, place);
  const read = (file) => readShort(fs, load, file);
  const codeCaches = { outcome: '', mark, identity, manifest, said: '', enable, look, read, close: null };
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE || env.NODE_V8_COVERAGE || given.observed) {
    codeCaches.outcome = 'left off';
  } else {
    // Names can collide, so the mark may be another program's.
    const text = read(mark);
    const end = text.indexOf('\n');
    const said = (codeCaches.said = text.slice(end + 1) === identity ? text.slice(0, end) : '');
    const known = `${manifest} loaded `;
    const place = said.slice(known.length, said.lastIndexOf(' '));
    // Under flags of V8, quarantine.cjs first compares V8's tag with the manifest's.
    if (!given.v8 && isPlace(place) && said === known + look(place)) codeCaches.outcome = enable(place);
  }
  return codeCaches;
});

/** Return inode and ctime (ms): writing a file or replacing it changes one of them. The numbers are as `lstat` has them. */
const versionOf = (function versionOf(status) {
  return `${status[7]}-${status[14] * 1000 + status[15] / 1000000}`;
});

/** Return a place of code caches with its inode and ctime, or '' if others can write it. */
const stateOf = (function stateOf(fs, load, directory, place) {
  try {
    if (load.findUntrusted(fs, directory, `v8/${place}`) !== '') return '';
    return `${place} ${versionOf(load.look(`${directory}/v8/${place}`))}`;
  } catch {
    // A damaged mark can name a place that no path can have.
    return '';
  }
});

/** Return the text of a short regular file, or '' if it cannot be read. */
const readShort = (function readShort(fs, load, file) {
  try {
    const status = load.look(file);
    // Other kinds of files may have no end.
    if (status === undefined || (status[1] & S_IFMT) !== S_IFREG || status[8] > LONGEST_MARK) return '';
    // With 'utf8', Node reads a file in one call of its binding.
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
});

/** Point Node's compile cache at a place, through a link if `byLink`; return the result, as reports have it. */
const enableAt = (function enableAt(fs, Module, directory, place, codeCaches, byLink = false) {
  const domain = `${directory}/v8/${place.slice(0, DOMAIN_LENGTH)}`;
  // Before Node 26, a compile cache cannot be opened read-only: Node writes into it at exit.
  const isWritten = parseInt(version.slice(1), 10) < 26;
  let path = domain;
  // A directory's mode does not stop root. So root uses a link that an `exit` listener removes: Node writes later.
  if (byLink || (isWritten && geteuid() === 0)) {
    // In another container, a process with the same number may make such a link, too. It must not bring back a link that
    // counting.cjs has removed.
    path = linkTo(fs, domain, `${directory}/live`, codeCaches, byLink ? `-${Date.now()}` : '');
  }
  if (byLink && path === domain) return 'no link';
  const answer = Module.enableCompileCache(isWritten ? path : { directory: path, readOnly: true, portable: false });
  return answer.status === Module.constants.compileCacheStatus.ENABLED ? 'enabled' : `status ${answer.status}`;
});

/** Return a link to a directory that only this thread uses, or the directory itself if there can be no link. */
function linkTo(fs, target, holder, codeCaches, end) {
  const { symlinkSync, unlinkSync } = fs;
  const thread = process.abort.disabled === true ? getBuiltinModule('node:worker_threads').threadId : 0;
  const link = `${holder}/${pid}-${thread}${end}`;
  try {
    try {
      symlinkSync(target, link);
    } catch (error) {
      // A process that had the same number was killed before it removed its link.
      if (error.code !== 'EEXIST' || fs.readlinkSync(link) !== target) return target;
    }
  } catch {
    return target;
  }
  codeCaches.close = () => unlinkSync(link);
  return link;
}
// This is not a file's name, so coverage reports of programs leave this file out.
//# sourceURL=esmcache:deciding.cjs
