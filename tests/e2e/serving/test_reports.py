"""Reports of starts count what the cache has answered."""

from __future__ import annotations

from program import Program


def test_a_program_that_replaces_functions_of_fs_counts_only_what_was_served(program: Program) -> None:
    parts = {f"part{number}.cjs": "exports.a = 1;\n" for number in range(9)}
    patches = "const fs = require('node:fs');\nconst { readFileSync } = fs;\n"
    patches += "fs.readFileSync = (...given) => readFileSync(...given);\n"
    requires = "".join(f"require('./part{number}.cjs');\n" for number in range(9))
    program.write({**parts, "app.cjs": f"require('./part0.cjs');\n{patches}{requires}"})
    program = Program(program.root, program.node, program.home, "app.cjs")
    program.warm("app.cjs")
    report = program.check_same()
    assert report["served"] <= 2 and report["missed"] == []
