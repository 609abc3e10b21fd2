"""Other preloads and hooks, and replaced functions, see the same with the cache as without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program
from served_program import FILES, MODULES

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
