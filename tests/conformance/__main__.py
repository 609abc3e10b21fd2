"""Prints the table of agreement; fails if a row does not reach the project's bar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.comparison import Disagreement, Row, compare
from conformance.inputs import InputSet, hard_case_files, language_tests, parser_tests, real_files, test262
from conformance.known import below_bar, known_reason
from conformance.ours import read_files
from conformance.references import references

_REAL_FILES = 2000
_HEADINGS = (
    "reference",
    "modules of",
    "files",
    "both accept",
    "agree",
    "disagree",
    "only they accept",
    "of these grammar gaps",
    "only we accept",
    "both reject",
)


def main() -> int:
    """Run all comparisons; return 1 if a row does not reach the bar."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--node", type=Path, required=True, help="the Node that V8 and oxc-parser are asked in")
    parser.add_argument("--test262", type=Path, help="a checkout of tc39/test262, else the registry's old one")
    parser.add_argument("--verbose", action="store_true", help="list what only oxc-parser or only we accept, too")
    arguments = parser.parse_args()
    rows = []
    with TemporaryDirectory() as directory:
        for inputs in (
            test262(arguments.test262),
            language_tests(arguments.test262),
            parser_tests(),
            hard_case_files(Path(directory)),
            real_files(_REAL_FILES),
        ):
            rows += rows_of(inputs, arguments.node)
    print("\n".join(table_lines(rows)))
    for row in rows:
        _print_details(row, verbose=arguments.verbose)
    failures = [failure for row in rows for failure in below_bar(row)]
    for failure in failures:
        print(f"below the bar: {failure}")
    return 1 if failures else 0


def rows_of(inputs: InputSet, node: Path) -> list[Row]:
    """Return a row for each reference."""
    files = [module.file for module in inputs.modules]
    ours = read_files(files)
    return [compare(reference.name, inputs, ours, reference.verdicts(files)) for reference in references(node)]


def table_lines(rows: Iterable[Row]) -> list[str]:
    """Return the rows as a Markdown table."""
    cells = [
        (
            row.reference,
            row.input_set,
            row.files,
            row.both_accept,
            row.agree,
            len(row.disagreements),
            len(row.only_they_accept),
            len(row.grammar_gaps),
            len(row.only_we_accept),
            row.both_reject,
        )
        for row in rows
    ]
    return [_line(_HEADINGS), _line(["---", "---", *["--:"] * (len(_HEADINGS) - 2)]), *map(_line, cells)]


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _print_details(row: Row, *, verbose: bool) -> None:
    _print_list(f"{row.reference}, {row.input_set}: read differently", row, row.disagreements)
    if verbose or row.reference != "oxc-parser":
        _print_list(f"{row.reference}, {row.input_set}: only they accept", row, row.only_they_accept)
    if verbose:
        _print_list(f"{row.reference}, {row.input_set}: only we accept", row, row.only_we_accept)


def _print_list(title: str, row: Row, found: Sequence[Disagreement]) -> None:
    if found:
        print(f"\n{title}")
    for one in found:
        known = known_reason(row, one.module)
        features = f" [{', '.join(sorted(one.module.features))}]" if one.module.features else ""
        print(f"  {one.module.name!r}{features}: {one.what[:300]}{f' (known: {known})' if known else ''}")


if __name__ == "__main__":
    sys.exit(main())
