"""Node links programs, and every name that Node calls missing or ambiguous has a problem of ours, too."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from case_file import read_cases
from conftest import PROJECT
from esmcache.diagnostics import DiagnosticKind
from esmcache.linking import link_problems
from linked_program import LinkedProgram
from unit.resolution.node_answers import node_version

CASES = PROJECT / "tests" / "cases" / "linking"
GENERATED = 400
NAMES = ("a", "b", "c", "default")

# V8's messages for names that cannot be linked.
_MESSAGES = {
    DiagnosticKind.MISSING_EXPORT: (
        re.compile(r"The requested module '\./(?P<target>.*)' does not provide an export named '(?P<name>.*)'"),
        re.compile(r"Detected cycle while resolving name '(?P<name>.*)' in '\./(?P<target>.*)'"),
    ),
    DiagnosticKind.AMBIGUOUS_EXPORT: (
        re.compile(
            r"The requested module '\./(?P<target>.*)' contains conflicting star exports for name '(?P<name>.*)' "
        ),
    ),
}

_LINK = """
const directories = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
(async () => {
  const answers = [];
  for (const directory of directories) {
    answers.push(await import(directory + '/main.js').then(() => null, (error) => `${error.name}: ${error.message}`));
  }
  process.stdout.write(JSON.stringify(answers));
})();
"""

Program = Mapping[str, str]
# The kind of problem, the module and the name. The module of an ambiguity depends on the order of the search.
Verdict = tuple[DiagnosticKind, str, str]


def test_verdicts_agree_with_node(any_node: Path, tmp_path: Path) -> None:
    written = [program for program in written_programs() if is_known(program, node_version(any_node))]
    assert len(written) > 10
    programs = [*written, *(generated_program(random.Random(seed)) for seed in range(GENERATED))]
    answers = node_answers(any_node, tmp_path, programs)
    verdicts = [our_verdicts(program) for program in programs]
    wrong = [
        f"Node: {answer}, ours: {ours}\n" + "\n".join(f"// {name}\n{text}" for name, text in program.items())
        for program, answer, ours in zip(programs, answers, verdicts, strict=True)
        if not agree(answer, ours)
    ]
    # V8 throws if a circle of names is below a star; ECMA-262 and our code continue with the next star.
    circles = [one for one in wrong if one.startswith("Node: SyntaxError: Detected cycle")]
    assert len(circles) <= GENERATED // 100
    assert len(wrong) == len(circles), f"{len(wrong)} of {len(programs)}:\n" + "\n".join(wrong[:5])
    # Check that programs with every outcome were compared.
    for wanted in ("conflicting", "does not provide", "cycle"):
        assert sum(1 for answer in answers if answer and wanted in answer) > 5, wanted
    assert answers.count(None) > 50


def our_verdicts(program: Program) -> set[Verdict]:
    """Return all problems of the modules that main.js reaches, for both ends of the search: V8 may name either."""
    linked = LinkedProgram(program)
    verdicts: set[Verdict] = set()
    for module in linked.reached_from("main.js"):
        for problem in link_problems(linked, module):
            is_ambiguous = problem.kind is DiagnosticKind.AMBIGUOUS_EXPORT
            target, name = problem.target_url, problem.name
            verdicts.add((problem.kind, "" if is_ambiguous else target, name))
            for step in problem.resolution.steps:
                assert step.entry.module_request is not None
                target = step.entry.module_request.specifier.removeprefix("./")
                name = step.entry.import_name if isinstance(step.entry.import_name, str) else name
                verdicts.add((problem.kind, "" if is_ambiguous else target, name))
    return verdicts


def agree(answer: str | None, ours: set[Verdict]) -> bool:
    """Return whether Node, which stops at the first problem, reports one of ours, or neither reports any."""
    if answer is None:
        return not ours
    for kind, patterns in _MESSAGES.items():
        for pattern in patterns:
            if found := pattern.search(answer + " "):
                target = "" if kind is DiagnosticKind.AMBIGUOUS_EXPORT else found["target"]
                return (kind, target, found["name"]) in ours
    return False


def written_programs() -> list[Program]:
    return [case.files for path in sorted(CASES.glob("*.md")) for case in read_cases(path)]


def is_known(program: Program, version: tuple[int, int, int]) -> bool:
    """Return whether this Node can judge the program: all its files are modules with syntax that Node supports."""
    text = "".join(program.values())
    if ("export * as ns" in text or "export {ns}" in text) and version < (26, 0, 0):
        # Earlier versions of V8 take two namespaces of one module for two bindings.
        return False
    return all(name.endswith(".js") for name in program) and not re.search(r"absent|import (?:source|defer)", text)


def generated_program(chance: random.Random) -> Program:
    """Return a few modules that export and import some names, each name at most once per module."""
    others = [f"m{number}.js" for number in range(chance.randint(2, 6))]
    program = {name: _module(chance, others) for name in others}
    imported = f"import {{{chance.choice(NAMES)} as x}} from './{chance.choice(['hub.js', *others])}';"
    hub = "\n".join(f"export * from './{other}';" for other in others)
    return {"main.js": f"{_module(chance, others)}\n{imported}", "hub.js": hub, **program}


def _module(chance: random.Random, others: Sequence[str]) -> str:
    lines = [f"export * from './{chance.choice(others)}';" for _ in range(chance.choice((0, 0, 1, 2, 3)))]
    for number, name in enumerate(chance.sample(NAMES, chance.randint(0, 2))):
        target, source = f"'./{chance.choice(others)}'", chance.choice(NAMES)
        lines.append(
            chance.choice(
                (
                    f"export {{{source} as {name}}} from {target};",
                    f"import {{{source} as i{number}}} from {target}; export {{i{number} as {name}}};",
                    *[f"const l{number} = 1; export {{l{number} as {name}}};"] * 12,
                )
            )
        )
    return "\n".join(lines)


def node_answers(node: Path, directory: Path, programs: Sequence[Program]) -> list[str | None]:
    """Return Node's error for the import of each program, or None."""
    (directory / "package.json").write_text('{"type": "module"}')
    directories = []
    for number, program in enumerate(programs):
        place = directory / str(number)
        place.mkdir()
        directories.append(place.as_uri())
        for name, text in program.items():
            (place / name).write_text(text, encoding="utf-8")
    result = subprocess.run(
        [node, "--no-warnings", "--eval", _LINK],
        input=json.dumps(directories).encode(),
        capture_output=True,
        cwd=directory,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    answers: list[str | None] = json.loads(result.stdout)
    return answers
