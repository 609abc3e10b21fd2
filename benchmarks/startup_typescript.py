"""Writes the TypeScript programs that the start-up benchmark starts. The texts are made up, and always the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

_METHODS = 14
_IMPORTS = 3
_WORKSPACE_PACKAGE = "@benchmark/shapes"


def write_typescript(directory: Path, modules: int, packages: Sequence[str] = ()) -> Path:
    """Write a program and return its entry point, which prints the number of its modules and of its packages' exports.

    Args:
        directory: The directory of the program, which is made.
        modules: The number of modules; with packages, a third of them is a package of a workspace, reached by a link.
        packages: The npm packages that the program imports as namespaces.
    """
    shared = modules // 3 if packages else 0
    texts = {
        "package.json": '{"type": "module"}\n',
        "main.ts": _main(modules - shared, packages, has_shared=shared > 0),
    }
    texts.update(_modules(modules - shared))
    if shared:
        place = "packages/shapes"
        texts[f"{place}/package.json"] = (
            f'{{"name": "{_WORKSPACE_PACKAGE}", "type": "module", "exports": "./index.ts"}}\n'
        )
        texts[f"{place}/index.ts"] = "".join(f"export * from './module{n}.ts';\n" for n in range(shared))
        texts.update({f"{place}/{name}": text for name, text in _modules(shared).items()})
        link = directory / "node_modules" / _WORKSPACE_PACKAGE
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to("../../packages/shapes")
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    return directory / "main.ts"


def _main(modules: int, packages: Sequence[str], *, has_shared: bool) -> str:
    lines = [f"import * as p{number} from '{package}';" for number, package in enumerate(packages)]
    lines += [f"import * as shared from '{_WORKSPACE_PACKAGE}';"] if has_shared else []
    lines += [f"import {{ value{n} }} from './module{n}.ts';" for n in range(modules)]
    lines.append(f"const values: readonly number[] = [{', '.join(f'value{n}' for n in range(modules))}];")
    lines.append("console.log(values.length satisfies number);")
    lines += [f"console.log('{package}', Object.keys(p{n}).length > 3);" for n, package in enumerate(packages)]
    lines += ["console.log(Object.keys(shared).length as number);"] if has_shared else []
    return "\n".join(lines) + "\n"


def _modules(count: int) -> dict[str, str]:
    chance = random.Random(count)
    found = {}
    for number in range(count):
        others = range(number + 1, count)
        imported = sorted(chance.sample(others, min(_IMPORTS, len(others))))
        found[f"module{number}.ts"] = _module(number, imported)
    return found


def _module(number: int, imported: Sequence[int]) -> str:
    lines = [f"import {{ make{n}, type Options{n} }} from './module{n}.ts';" for n in imported]
    lines += [
        f"export interface Options{number} {{ name: string; size?: number; tags: readonly string[] }}",
        f"export type Key{number} = keyof Options{number};",
        f"export class Thing{number}<T extends Options{number} = Options{number}> {{",
        "  private readonly options: T;",
        "  #known: Map<string, number> = new Map<string, number>();",
        "  constructor(options: T) {",
        "    this.options = options;",
        "  }",
    ]
    for method in range(_METHODS):
        lines += [
            f"  method{method}(this: Thing{number}<T>, a: number, b: string = 'x', ...rest: number[]): number {{",
            "    const list: Array<[string, number]> = Object.entries({ a, length: b.length + rest.length });",
            "    for (const [key, value] of list) {",
            f"      this.#known.set(`${{key}}-{method}`, (value satisfies number) * {method});",
            "    }",
            "    return this.#known.get(b)!;",
            "  }",
        ]
    lines += [
        "}",
        f"export const make{number} = (options: Options{number}): Thing{number} => new Thing{number}(options);",
        "const made: unknown[] = [",
        *(f"  make{n}({{ name: '{n}', tags: [] }} as Options{n})," for n in imported),
        "];",
        f"export const value{number}: number = made.length as number;",
    ]
    return "\n".join(lines) + "\n"
