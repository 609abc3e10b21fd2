"""Writes the project of `node --test`: test files, each of which imports three packages and 60 modules."""

from __future__ import annotations

from pathlib import Path

_MODULES = 60
_FUNCTIONS = 6


def write_node_test(directory: Path, files: int) -> None:
    """Write the project into a directory, which is made.

    Args:
        directory: The directory.
        files: The number of test files.
    """
    modules = [f"../src/module{number}.mjs" for number in range(_MODULES)]
    texts = {f"src/module{number}.mjs": _module(number) for number in range(_MODULES)}
    texts |= {f"tests/file{number}.test.mjs": _test(number, modules) for number in range(files)}
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _test(number: int, modules: list[str]) -> str:
    lines = [
        "import assert from 'node:assert/strict';",
        "import { test } from 'node:test';",
        "import { sum } from 'lodash-es';",
        "import { firstValueFrom, from, toArray } from 'rxjs';",
        "import { z } from 'zod';",
        *(f"import {{ value{n} }} from '{name}';" for n, name in enumerate(modules)),
        f"const values = [{', '.join(f'value{n}' for n in range(len(modules)))}];",
        f"test('the sum {number}', async () => {{",
        "  const numbers = z.array(z.number()).parse(values);",
        f"  assert.equal(sum(await firstValueFrom(from(numbers).pipe(toArray()))), {sum(range(len(modules)))});",
        "});",
    ]
    return "\n".join(lines) + "\n"


def _module(number: int) -> str:
    """Return a module of a few kilobytes that imports the module before it."""
    lines = [f"import {{ value{number - 1} as before }} from './module{number - 1}.mjs';"] if number else []
    for each in range(_FUNCTIONS):
        lines += [
            f"export function describe{each}(entries, {{ prefix = '{each}', limit = 10 }} = {{}}) {{",
            "  const lines = [];",
            "  for (const [key, value] of Object.entries(entries).slice(0, limit)) {",
            "    if (Array.isArray(value)) lines.push(...value.map((item, at) => `${prefix}.${key}[${at}]: ${item}`));",
            "    else if (value !== null && typeof value === 'object') lines.push(JSON.stringify(value));",
            "    else lines.push(`${prefix}.${key}: ${String(value)}`);",
            "  }",
            "  return lines.join('\\n');",
            "}",
        ]
    lines.append(f"export const value{number} = {'before + 1' if number else '0'};")
    return "\n".join(lines) + "\n"
