"""Reads Markdown cases, and adds the pytest option that rewrites their expected blocks.

A case is a second-level heading that names a behaviour, a sentence that says why, fenced blocks that are files and
fenced blocks that are expected. A line such as `a.js`: names the block that follows it (main.js without one). A comment
in a file, `// error: [undeclared-export]`, says that a diagnostic begins on its line. Blocks whose language is in
EXPECTED contain the expected result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

EXPECTED = frozenset({"linking", "record"})

_FILE_NAME = re.compile(r"`(?P<name>[^`]+)`:")
_ASSERTION = re.compile(r"//(?:\s*(?:error|warning|information|hint): \[[\w-]+\])+\s*$")
_ASSERTED = re.compile(r"(?P<severity>\w+): \[(?P<code>[\w-]+)\]")


@dataclass(frozen=True)
class ExpectedBlock:
    """A fenced block of expected text; `first_line` and `last_line` delimit its content in the case file."""

    language: str
    text: str
    first_line: int
    last_line: int


@dataclass(frozen=True)
class Case:
    """One behaviour: its files by name, and its expected results by language."""

    path: Path
    name: str
    why: str
    files: dict[str, str]
    expected: dict[str, ExpectedBlock]


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a Markdown file; raises ValueError for a malformed case."""
    text = path.read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").parse(text)
    starts = [number for number, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"]
    if not starts:
        raise ValueError(f"{path}: no case, which begins with ##")
    lines = text.splitlines()
    return [
        _read_case(path, lines, tokens[start + 1 : end])
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True)
    ]


def asserted_diagnostics(text: str) -> list[tuple[int, str, str]]:
    """Return the zero-based line, severity and code of every diagnostic that a file's comments announce."""
    return [
        (number, asserted["severity"], asserted["code"])
        for number, line in enumerate(text.split("\n"))
        if (comment := _ASSERTION.search(line))
        for asserted in _ASSERTED.finditer(comment[0])
    ]


def check_expected(case: Case, language: str, actual: str, *, update: bool) -> None:
    """Assert that a case's expected block is `actual`, or write it into the case file on request."""
    block = case.expected[language]
    if update and block.text != actual:
        rewrite_block(case.path, case.name, language, actual)
        return
    assert actual == block.text, f"{case.path}: {case.name} (pytest --update-golden rewrites it)"


def rewrite_block(path: Path, case_name: str, language: str, text: str) -> None:
    """Replace the expected block of one case; the file is read again, since earlier rewrites may have moved it."""
    case = next(case for case in read_cases(path) if case.name == case_name)
    block = case.expected[language]
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[block.first_line : block.last_line] = text.splitlines()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parametrize_cases(directory: Path) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the decorator that runs a test with every case of a directory's files as `case`."""
    cases = [case for path in sorted(directory.glob("*.md")) for case in read_cases(path)]
    ids = [f"{case.path.stem}/{case.name}" for case in cases]
    return pytest.mark.parametrize("case", cases, ids=ids)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite what the Markdown cases expect; review the difference",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Return whether expected blocks are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


def _read_case(path: Path, lines: Sequence[str], tokens: Sequence[Token]) -> Case:
    name, why = tokens[0].content, ""
    files: dict[str, str] = {}
    expected: dict[str, ExpectedBlock] = {}
    file_name = "main.js"
    for token in tokens[1:]:
        if token.type == "fence" and token.map is not None:
            start, end = token.map
            if end - start < 2 or lines[end - 1] != token.markup:
                raise ValueError(f"{path}: line {start + 1}: the block has no end")
            if token.info in EXPECTED:
                expected[token.info] = ExpectedBlock(token.info, token.content, start + 1, end - 1)
            else:
                files[file_name] = token.content
            file_name = "main.js"
        elif token.type == "inline":
            for line in token.content.split("\n"):
                if named := _FILE_NAME.fullmatch(line):
                    file_name = named["name"]
                else:
                    why = why or line
    if not why or not files:
        raise ValueError(f"{path}: {name}: a case has a sentence that says why, and a file")
    return Case(path, name, why, files, expected)


def joined_lines(lines: Iterable[str]) -> str:
    """Return lines as the text of a block."""
    return "".join(f"{line}\n" for line in lines)
