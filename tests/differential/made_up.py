"""Generates programs: graphs of modules of all kinds with requests of all kinds, some of which fail.

The same seed always gives the same program. Every module prints when it runs and what it received.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from case_file import Case
from differential.programs import NODES, DifferentialProgram

_FEWEST, _MOST = 3, 10
# The kinds of modules and their frequencies. A package has one file for `import` and another for `require`.
_KINDS = {"mjs": 5, "cjs": 4, "js": 2, "json": 1, "package": 1}
_DIRECTORIES = ("", "", "lib/", "lib/in ner/", "größer/")
_OFTEN, _SOMETIMES, _SELDOM = 0.5, 0.2, 0.05
_SHOW = (
    "const show = (what, got) => console.log(what, typeof got === 'object' && got ? Object.keys(got) : typeof got);\n"
)
_TELL = "({ code, name, message }) => console.log(code ?? name, message)"


@dataclass(frozen=True)
class _Module:
    number: int
    kind: str
    place: str


def made_up(seed: int) -> DifferentialProgram:
    """Return the program of this seed; its entry point is its first file."""
    random = Random(seed)
    kinds = ["mjs" if random.random() < _OFTEN + _SOMETIMES else "cjs"]
    kinds += random.choices(list(_KINDS), list(_KINDS.values()), k=random.randint(_FEWEST, _MOST))
    modules = [_Module(number, kind, _place(random, number, kind)) for number, kind in enumerate(kinds)]
    files: dict[str, str] = {}
    for module in modules:
        # Most requests are for later modules, since a request for an earlier module can make a cycle.
        known = [each for each in modules[1:] if each.number > module.number or random.random() < _SELDOM]
        asked = random.sample(known, min(len(known), random.randint(1, 4)))
        requests = [(each, _specifier(random, module, each)) for each in asked]
        files[module.place] = _TEXTS[module.kind](random, module, requests)
        if module.kind == "package":
            directory = os.path.dirname(module.place)
            files[f"{directory}/required.cjs"] = f"exports.required = {module.number};\n"
            files[f"{directory}/package.json"] = (
                '{ "exports": { "import": "./main.mjs", "default": "./required.cjs" } }\n'
            )
    files["package.json"] = '{ "type": "module" }\n'
    return DifferentialProgram(
        case=Case(Path(__file__), f"number {seed}", "", {}, {}),
        files=files,
        command=(modules[0].place,),
        warmed=(modules[0].place,),
        edited=random.choice([module.place for module in modules if module.kind != "json"]),
        nodes=NODES,
        env={},
        stdin="",
        cwd=".",
        by_environment=random.random() < _SOMETIMES,
        has_frames=True,
    )


def _place(random: Random, number: int, kind: str) -> str:
    if kind == "package":
        return f"node_modules/package{number}/main.mjs"
    return f"{random.choice(_DIRECTORIES)}m{number}.{kind}"


def _specifier(random: Random, module: _Module, asked: _Module) -> str:
    if random.random() < _SELDOM:
        return random.choice(["./missing.mjs", "nowhere", f"package{asked.number}/missing", "node:nothing", "#private"])
    if asked.kind == "package" and random.random() > _SELDOM:
        return f"package{asked.number}"
    path = os.path.relpath(asked.place, os.path.dirname(module.place) or ".")
    path = path if path.startswith("..") else f"./{path}"
    # A specifier without an extension works only with `require`.
    return path.removesuffix(".cjs").removesuffix(".js") if random.random() < _SELDOM else path


def _module_text(random: Random, module: _Module, requests: list[tuple[_Module, str]]) -> str:
    number = module.number
    imports, lines = [], [f"console.log('{number} runs', import.meta.url.length, import.meta.filename);"]
    for asked, specifier in requests:
        name = f"n{asked.number}"
        attributes = " with { type: 'json' }" if asked.kind == "json" and random.random() > _SELDOM else ""
        quoted = f"'{specifier}'"
        if module.number == 0 and random.random() < _SOMETIMES:
            # Only the entry point imports dynamically, one module after the other: Node promises no order of parallel
            # imports.
            options = ", { with: { type: 'json' } }" if attributes else ""
            lines.append(f"await import({quoted}{options}).then((got) => show('{number} {name}', got), {_TELL});")
        elif random.random() < _SOMETIMES:
            lines.append(f"try {{ show('{number} {name}', require({quoted})); }} catch (error) {{ ({_TELL})(error); }}")
        elif random.random() < _SOMETIMES:
            lines.append(f"try {{ console.log(import.meta.resolve({quoted})); }} catch (error) {{ ({_TELL})(error); }}")
        else:
            wanted = "default" if asked.kind in ("json", "cjs") else f"value{asked.number}"
            wanted = "nothing" if random.random() < _SELDOM else wanted
            shows = True
            form = random.randrange(5)
            if form == 0:
                imports.append(f"import * as {name} from {quoted}{attributes};")
            elif form == 1:
                imports.append(f"import {{ {wanted} as {name} }} from {quoted}{attributes};")
            elif form == 2 and wanted == "default":
                imports.append(f"import {name} from {quoted}{attributes};")
            else:
                shows = False
                imports.append(f"export * from {quoted}{attributes};" if form == 3 else f"import {quoted}{attributes};")
            if shows:
                # The binding may still be uninitialised in a cycle.
                lines.append(f"try {{ show('{number} {name}', {name}); }} catch (error) {{ ({_TELL})(error); }}")
    lines.append(f"export let value{number} = {{ of{number}: 1 }};")
    if random.random() < _SOMETIMES:
        lines.append(f"value{number} = await {{ later{number}: 1 }};")
    if random.random() < _OFTEN:
        lines.append(f"export default function f{number}() {{ return 'f{number}'; }}")
    lines += _mishap(random, number)
    require = "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\n"
    return require + _SHOW + "\n".join([*imports, *lines]) + "\n"


def _commonjs_text(random: Random, module: _Module, requests: list[tuple[_Module, str]]) -> str:
    number = module.number
    lines = [f"console.log('{number} runs', __filename, module.children.length);"]
    if random.random() < _SOMETIMES:
        lines.append("Object.defineProperty(exports, '__esModule', { value: true });")
    lines.append(f"exports.value{number} = {number};")
    for asked, specifier in requests:
        if random.random() < _SOMETIMES:
            done = f"console.log(require.resolve('{specifier}'))"
        else:
            done = f"show('{number} n{asked.number}', require('{specifier}'))"
        lines.append(f"try {{ {done}; }} catch (error) {{ ({_TELL})(error); }}")
    if random.random() < _SOMETIMES:
        lines.append(f"module.exports = {{ ...module.exports, replaced{number}: true }};")
    lines += _mishap(random, number)
    return _SHOW + "\n".join(lines) + "\n"


def _json_text(random: Random, module: _Module, requests: list[tuple[_Module, str]]) -> str:
    return "{ not JSON" if random.random() < _SELDOM else f'{{ "json{module.number}": [1, 2], "default": null }}\n'


def _mishap(random: Random, number: int) -> list[str]:
    if random.random() > _SELDOM:
        return []
    return [random.choice([f"throw new Error('thrown by {number}');", "let twice, twice;", "process.exitCode = 3;"])]


_TEXTS: dict[str, Callable[[Random, _Module, list[tuple[_Module, str]]], str]] = {
    "mjs": _module_text,
    "js": _module_text,
    "package": _module_text,
    "cjs": _commonjs_text,
    "json": _json_text,
}
