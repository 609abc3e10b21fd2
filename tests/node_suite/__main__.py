"""Prints which of Node's own module tests pass in each way; fails if a difference is not expected."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from node_suite.comparison import Result, compare, expected_differences
from node_suite.fetching import FetchError, fetch
from node_suite.running import NodeTestRunner
from node_suite.selection import SUITES, select
from url_comparison import read_url_data, url_differences

_URL_DATA = "test/fixtures/wpt/url/resources/urltestdata.json"
_HEADINGS = ("suite", "tests", "plain", "pass-through", "ours, cold", "ours, served", "modules served")


def main() -> int:
    """Run the tests in every way; return 1 if ours fails a test that hooks pass, and the reason is not known.

    The same holds for each URL of the sources' test data that we parse otherwise than Node.
    """
    parser = argparse.ArgumentParser(prog="node_suite", description=__doc__)
    parser.add_argument("line", help="the line of Node: 22 or 24")
    parser.add_argument("--into", type=Path, required=True, help="where tests and binaries are kept")
    parser.add_argument("--npm", required=True, help="the command that installs the binary")
    parser.add_argument("--only", default="*", help="run only the tests whose path matches this pattern")
    parser.add_argument("--jobs", type=int, default=2, help="tests run at once (%(default)s)")
    parser.add_argument("--outputs", type=Path, help="keep what the tests print below this directory")
    arguments = parser.parse_args()
    try:
        sources, node = fetch(arguments.line, arguments.into.resolve(), shlex.split(arguments.npm))
    except FetchError as error:
        parser.error(str(error))
    tests = [test for test in select(sources) if fnmatch(test.name, arguments.only)]
    with TemporaryDirectory() as directory:
        outputs = (arguments.outputs or Path(directory) / "outputs").resolve()
        results = compare(NodeTestRunner(sources, node, outputs), tests, Path(directory), arguments.jobs)
    print(f"Node {sources.name}:", *table_lines(results), sep="\n")
    expected = expected_differences()
    differing = [result for result in results if result.differs]
    for result in sorted(differing, key=lambda one: not one.is_ours):
        print(f"{result.test.name}: fails {_failing(result)}: {expected.get(result.test.name, 'not expected')}")
    urls = url_differences(node, int(arguments.line), read_url_data(sources / _URL_DATA))
    for line in urls:
        print(line)
    return 1 if urls or any(result.is_ours or result.test.name not in expected for result in differing) else 0


def table_lines(results: Iterable[Result]) -> Iterator[str]:
    """Yield the rows of a Markdown table, one for each suite."""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|---|" + "--:|" * (len(_HEADINGS) - 1)
    listed = list(results)
    for suite in [*SUITES, "all"]:
        own = [result for result in listed if suite in (result.test.suite, "all")]
        if own:
            numbers = (
                len(own),
                sum(result.plain.passed for result in own),
                sum(result.pass_through.passed for result in own),
                sum(result.cold.passed for result in own),
                sum(result.served.passed for result in own),
                sum(result.served.served for result in own),
            )
            yield f"| {suite} | {' | '.join(map(str, numbers))} |"


def _failing(result: Result) -> str:
    ways = {"pass-through": result.pass_through, "cold": result.cold, "served": result.served}
    return ", ".join(way for way, outcome in ways.items() if not outcome.passed)


if __name__ == "__main__":
    sys.exit(main())
