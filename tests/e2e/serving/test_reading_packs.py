"""How much of a pack a start reads: about as much as the modules that load need, in every order."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import EsmcacheHome
from program import Program

MODULES = 300
SMALL = "// 1 kB of text\n" * 64
LARGE = "// a module of 3 MB\n" * 160_000

# The system counts the bytes that a process reads.
READ = (
    "const read = () => Number(/^rchar: (\\d+)/.exec(require('node:fs').readFileSync('/proc/self/io', 'latin1'))[1]);\n"
)
# A warm packs modules in the order of these requests. None of them is made.
KNOWN = "function never() {\n" + "".join(f"  require('./m{number}.js');\n" for number in range(MODULES)) + "}\n"
LOAD = """\
const before = read();
let sum = 0;
for (const number of [...Array({modules}).keys()]{order}) sum += require('./m' + number + '.js').value;
const much = read() - before;
console.log(sum, much < {most} ? 'little' : `much: ${{much}}`);
"""


@pytest.mark.parametrize(
    "order",
    [
        "",
        ".reverse()",
        ".sort((a, b) => (a * 7) % 300 - (b * 7) % 300)",
        # Every sixth module: the others are never needed.
        ".filter((number) => number % 6 === 0)",
    ],
    ids=["as packed", "reversed", "mixed", "every sixth"],
)
@pytest.mark.parametrize("first", [SMALL, LARGE], ids=["small", "large"])
def test_a_start_reads_little_more_than_the_modules_that_load(
    order: str, first: str, tmp_path: Path, node: Path, esmcache_home: EsmcacheHome
) -> None:
    program = Program(tmp_path / "project", node, esmcache_home, "app.cjs")
    # A pack holds equal texts once.
    program.write({f"m{number}.js": f"exports.value = {number};\n{SMALL}" for number in range(1, MODULES)})
    # Each module is read once as source, and once as code cache. All sources together are 0.3 MB, or 3.5 MB.
    most = 4 * (MODULES * len(SMALL) + len(first))
    load = LOAD.format(modules=MODULES, order=order, most=most)
    program.write({"m0.js": f"exports.value = 0;\n{first}", "app.cjs": READ + KNOWN + load})
    program.warm()
    report = program.check_same()
    assert (report["missed"], report["faults"]) == ([], 0)
    assert "little" in program.served().stdout
