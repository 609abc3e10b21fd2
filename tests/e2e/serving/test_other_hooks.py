"""Other preloads and hooks, and replaced functions, see the same with the cache as without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program
from served_program import FILES, MODULES
from unit.resolution.node_answers import node_version

PRINTING_HOOKS = """\
const { registerHooks } = require('node:module');
registerHooks({
  resolve(specifier, context, next) {
    const answer = next(specifier, context);
    console.log('resolved', specifier, answer.url.split('/').at(-1));
    return answer;
  },
  load(url, context, next) {
    const answer = next(url, context);
    console.log('loaded', url.split('/').at(-1), answer.format, String(answer.source).length);
    return answer;
  },
});
"""


REPLACING_HOOKS = """\
require('node:module').registerHooks({
  load(url, context, next) {
    const answer = next(url, context);
    return url.endsWith('late.js') ? { ...answer, source: "export default 'replaced'" } : answer;
  },
});
"""


def test_hooks_of_a_later_preload_see_the_same_as_natively(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write({**FILES, "other.cjs": PRINTING_HOOKS})
    program.warm()
    assert program.check_same(flags=["--require", "./other.cjs"])["served"] >= MODULES - 1


def test_hooks_of_an_earlier_preload_are_not_bypassed(program: Program) -> None:
    program.write({"other.cjs": REPLACING_HOOKS})
    program.warm()
    report = program.check_same(env={"NODE_OPTIONS": "--require ./other.cjs"})
    assert "replaced" in program.plain(env={"NODE_OPTIONS": "--require ./other.cjs"}).stdout
    assert "another preload" in report["reason"]


ASYNC_HOOKS = """\
export async function load(url, context, next) {
  const answer = await next(url, context);
  return url.endsWith('late.js') ? { ...answer, source: "export default 'replaced'" } : answer;
}
"""


def test_asynchronous_hooks_of_a_program_are_not_bypassed(program: Program) -> None:
    program.write(
        {
            "hooks.mjs": ASYNC_HOOKS,
            "app.mjs": """\
import { register } from 'node:module';
import { a } from './lib/a.js';
register('./hooks.mjs', import.meta.url);
console.log(a(), (await import('./lib/late.js')).default);
""",
        }
    )
    program.warm()
    assert program.check_same()["served"] == 3
    assert program.served().stdout == "b replaced\n"


def test_asynchronous_hooks_deregister_our_hooks(tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    program.write(
        {
            "x.mjs": "export const a = 1;\n",
            "app.mjs": "import { register } from 'node:module';\n"
            "register('data:text/javascript,export async function resolve(s,c,n){return n(s,c)}');\n"
            "console.log(Object.keys(await import('./x.mjs')));\n",
        }
    )
    program.warm()
    assert program.check_same()["served"] == 1


def test_asynchronous_hooks_leave_requests_by_require_to_the_cache(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home, "app.cjs")
    program.write(
        {
            # Asynchronous hooks can give imported CommonJS a `require` that they see, too.
            "hooks.mjs": """import { readFileSync, writeSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  writeSync(1, `resolve ${specifier.split('/').pop()}\\n`);
  return next(specifier, context);
}
export async function load(url, context, next) {
  writeSync(1, `load ${url.split('/').pop()}\\n`);
  const answer = await next(url, context);
  return url.endsWith('given.cjs') ? { ...answer, source: readFileSync(new URL(url)) } : answer;
}
""",
            "app.cjs": """require('node:module').register('./hooks.mjs', require('node:url').pathToFileURL(__filename));
console.log(require('./required.cjs'));
import('./imported.mjs').then(() => console.log('imported', require('./late')));
""",
            "required.cjs": "module.exports = [require('./data.json'), require('./deep/')];\n",
            "deep/index.js": "module.exports = __filename.endsWith('index.js');\n",
            "data.json": "[1]",
            "late.js": "module.exports = 'late';\n",
            "imported.mjs": "import './given.cjs';\nimport own from './own.cjs';\nconsole.log(own);\n",
            "given.cjs": "console.log(require('./by-given.cjs'));\n",
            "by-given.cjs": "module.exports = 'by given';\n",
            "own.cjs": "module.exports = require('./by-own.cjs');\n",
            "by-own.cjs": "module.exports = 'by own';\n",
        }
    )
    program.warm()
    flags = ["--no-deprecation"]
    report = program.check_same(flags=flags)
    assert (report["missed"], report["replaced"]) == ([], ["Module.register"])
    if node_version(any_node) >= (24, 18):
        # CommonJS requires five modules, and Node asks for one of them twice. Imports go to the asynchronous hooks.
        assert report["resolved"] == 6
    program.write({"hooks.mjs": "throw new Error('broken hooks');\n"})
    program.check_same(flags=flags)


def test_synchronous_hooks_of_a_program_stay_before_asynchronous_ones(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home, "app.cjs")
    program.write(
        {
            "app.cjs": """const { register, registerHooks } = require('node:module');
registerHooks({ resolve: (specifier, context, next) => next(specifier.replace('one', 'two'), context) });
register('data:text/javascript,');
console.log(require('./one.cjs'));
""",
            "one.cjs": "module.exports = 1;\n",
            "two.cjs": "module.exports = 2;\n",
        }
    )
    program.warm()
    program.check_same(flags=["--no-deprecation"])


LIKE_GRACEFUL_FS = """\
const fs = require('node:fs');
const calls = (exports.calls = []);
for (const name of ['statSync', 'lstatSync', 'fstatSync', 'readSync', 'closeSync']) {
  const original = fs[name];
  fs[name] = function (...values) {
    calls.push(name);
    return original.apply(fs, values);
  };
}
"""


def test_wrappers_of_functions_that_node_does_not_call_change_nothing(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home, "app.cjs")
    program.write(
        {
            "wrap.cjs": LIKE_GRACEFUL_FS,
            "app.cjs": """\
const { calls } = require('./wrap.cjs');
console.log(require('./required.cjs'), calls);
import('./late.mjs').then((late) => console.log(late.default, calls));
""",
            "required.cjs": "module.exports = [require('./data.json'), require('tool')];\n",
            "data.json": "[1]",
            "node_modules/tool/index.js": "module.exports = 'tool';\n",
            "late.mjs": "export default 'late';\n",
        }
    )
    program.warm()
    report = program.check_same()
    # Served is all that is required. The wrappers read the module that is imported.
    if node_version(any_node) >= (22, 22, 3):
        assert (report["served"], report["resolved"], report["left"]) == (5, 5, 1)
        assert report["replaced"] == ["fs.readSync", "fs.closeSync"]


REPLACES_EVERYTHING = """\
const fs = require('node:fs');
const { readFileSync, realpathSync } = fs;
const isVirtual = (path) => String(path).includes('virtual');
fs.readFileSync = (path, ...rest) => (isVirtual(path) ? 'module.exports = 1;' : readFileSync(path, ...rest));
fs.realpathSync = (path, ...rest) => realpathSync(path, ...rest);
for (let number = 0; number < 3; number++) console.log(require('./m' + number), require('./virtual.js'));
"""


def test_hooks_that_cannot_answer_any_more_are_removed(program: Program) -> None:
    files = {f"m{number}.js": f"module.exports = {number};\n" for number in range(3)}
    known = "() => [require('./m0'), require('./m1'), require('./m2'), require('./virtual.js')];\n"
    program.entry = "app.cjs"
    program.write({**files, "package.json": "{}", "virtual.js": "", "app.cjs": REPLACES_EVERYTHING + known})
    program.warm()
    report = program.check_same()
    assert (report["served"], report["left"]) == (1, 1)
    assert report["replaced"] == ["fs.realpathSync", "fs.readFileSync"]


@pytest.mark.parametrize("patched", ["fs.readFileSync", "fs.promises.readFile", "Module._resolveFilename"])
def test_functions_that_a_program_replaces_are_called(
    tmp_path: Path, any_node: Path, esmcache_home: EsmcacheHome, patched: str
) -> None:
    program = Program(tmp_path / "project", any_node, esmcache_home)
    holder, name = patched.rsplit(".", 1)
    program.write(
        {
            "app.mjs": f"""\
import fs from 'node:fs';
import Module, {{ createRequire }} from 'node:module';
const original = {patched};
{holder}.{name} = function (path, ...rest) {{
  if (String(path).endsWith('late.js')) console.log('asked');
  if (String(path).endsWith('late.js') && '{name}' === 'readFileSync') return "export default 'patched'";
  return original.call(this, path, ...rest);
}};
console.log((await import('./late.js')).default);
console.log(createRequire(import.meta.url)('./late.cjs'));
""",
            "late.js": "export default 'disk';\n",
            "late.cjs": "module.exports = require('./other/late.js.cjs');\n",
            "other/late.js.cjs": "module.exports = 1;\n",
            "package.json": '{"type": "module"}',
        }
    )
    program.warm()
    program.check_same()


def test_file_descriptors_have_the_same_numbers_as_natively(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import './lib/a.js';\nimport { openSync } from 'node:fs';\n"
            "console.log(openSync('app.mjs', 'r'));\n"
        }
    )
    program.warm()
    assert program.check_same()["served"] == 3


def test_the_preload_named_twice_runs_once(program: Program) -> None:
    program.warm()
    options = {"NODE_OPTIONS": f'--require "{program.hook()}"'}
    assert program.served(env=options).report["served"] == MODULES
    assert program.served(env=options).stdout == program.plain().stdout


def test_the_preload_is_not_in_the_require_cache(program: Program) -> None:
    program.write(
        {
            "app.mjs": "import { createRequire } from 'node:module';\n"
            "console.log(createRequire(import.meta.url).cache, process.env.ESMCACHE_DIR);\n"
        }
    )
    program.check_same()
    program.warm()
    assert program.check_same()["served"] == 1


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (["--preserve-symlinks"], {}),
        ([], {"NODE_PRESERVE_SYMLINKS": "1"}),
        (["--experimental-loader", "./hooks.mjs"], {}),
        ([], {"NODE_OPTIONS": "--no-addons"}),
        ([], {"NODE_DEBUG": "http,ESM"}),
        ([], {"NODE_DEBUG": "mod*"}),
    ],
)
def test_flags_that_change_loading_disable_serving(program: Program, flags: list[str], env: dict[str, str]) -> None:
    program.write({"hooks.mjs": ASYNC_HOOKS})
    program.warm()
    plain, served = program.plain(flags=flags, env=env), program.served(flags=flags, env=env)
    assert (served.stdout, served.exit_code) == (plain.stdout, plain.exit_code)
    assert "flag" in served.report["reason"]
