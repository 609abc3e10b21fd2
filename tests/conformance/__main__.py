"""Prints the table of agreement; fails if a row does not reach the project's bar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

from conformance.comparison import Disagreement, Row, rows_of
from conformance.inputs import (
    hard_case_files,
    language_tests,
    parser_tests,
    real_files,
    test262,
    typescript_case_files,
    typescript_files,
)
from conformance.known import below_bar, known_reason
from conformance.typescript import PackageCounts, compare_typescript, sum_of

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
_LARGE_PACKAGE = 50
_PACKAGE_HEADINGS = ("package", "files", "Node refuses", "V8 refuses", "read alike", "read differently")


def main() -> int:
    """Run all comparisons; return 1 if a row does not reach the bar."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--node", type=Path, required=True, help="the Node that V8 and oxc-parser are asked in")
    parser.add_argument("--test262", type=Path, help="a checkout of tc39/test262, else the registry's old one")
    parser.add_argument("--verbose", action="store_true", help="list what only oxc-parser or only we accept, too")
    arguments = parser.parse_args()
    rows: list[Row] = []
    with TemporaryDirectory() as directory:
        for inputs in (
            test262(arguments.test262),
            language_tests(arguments.test262),
            parser_tests(),
            hard_case_files(Path(directory)),
            real_files(_REAL_FILES),
        ):
            rows += rows_of(inputs, arguments.node)
        cases = compare_typescript(typescript_case_files(Path(directory)), Path(directory), arguments.node)
        files = compare_typescript(typescript_files(), Path(directory), arguments.node)
    rows += [*cases.rows, *files.rows]
    print("\n".join(table_lines(rows)))
    print("\n" + "\n".join(package_lines(files.packages)))
    for row in rows:
        _print_details(row, verbose=arguments.verbose)
    failures = [*(failure for row in rows for failure in below_bar(row)), *cases.faults, *files.faults]
    for failure in failures:
        print(f"below the bar: {failure}")
    return 1 if failures else 0


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
            len(row.both_reject),
        )
        for row in rows
    ]
    return [_line(_HEADINGS), _line(["---", "---", *["--:"] * (len(_HEADINGS) - 2)]), *map(_line, cells)]


def package_lines(packages: Sequence[PackageCounts]) -> list[str]:
    """Return the counts of TypeScript files as a Markdown table, with one row for all small packages."""
    large = [one for one in packages if one.files >= _LARGE_PACKAGE]
    small = [one for one in packages if one.files < _LARGE_PACKAGE]
    rows = [*large, sum_of(f"{len(small)} others", small), sum_of("all", packages)]
    rule = ["---", *["--:"] * (len(_PACKAGE_HEADINGS) - 1)]
    return [_line(_PACKAGE_HEADINGS), _line(rule), *(_line(astuple(one)) for one in rows)]


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
