"""The patterns of `include` and `exclude` have the same meaning as in a .gitignore."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from esmcache.build import path_patterns
from esmcache.build.path_patterns import PathPatterns
from esmcache.build.targets import find_targets
from esmcache.settings import ProjectSettings

FILES = ("a.js", "gen/x.js", "src/a.js", "src/a.test.js", "src/gen/x.js", "src/gen/deep/y.js", "[b]/a.js")
PATTERNS = (
    ["src/*.js"],
    ["src/**/*.js"],
    ["*.test.js"],
    ["gen"],
    ["/gen"],
    ["src/gen/"],
    ["**/x.js"],
    ["*.js", "!a.js"],
    ["src/?.js"],
    ["[[]b]/a.js"],
    ["# a comment", "", "a.js"],
)


@pytest.mark.parametrize("patterns", PATTERNS, ids=" ".join)
def test_patterns_match_as_in_gitignore(tmp_path: Path, patterns: list[str]) -> None:
    (tmp_path / ".gitignore").write_text("\n".join(patterns))
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(FILES),
        capture_output=True,
        text=True,
        check=False,
    )
    ours = PathPatterns(str(tmp_path), patterns)
    assert [name for name in FILES if ours.match(f"{tmp_path}/{name}")] == answer.stdout.splitlines()
    assert ours.faults == []


def test_patterns_match_nothing_outside_their_directory(tmp_path: Path) -> None:
    ours = PathPatterns(str(tmp_path), ["*"])
    assert ours.match(f"{tmp_path}/a.js") and not ours.match(f"{tmp_path}-2/a.js") and not ours.match("/a.js")
    assert PathPatterns("/", ["a.js"]).match("/a.js")


def test_the_directory_itself_can_be_spelled(tmp_path: Path) -> None:
    ours = PathPatterns(str(tmp_path), ["./gen/"])
    assert ours.match(f"{tmp_path}/gen", is_directory=True)
    assert not ours.match(f"{tmp_path}/gen") and not ours.match(f"{tmp_path}/src/gen", is_directory=True)


@pytest.mark.parametrize("pattern", ["!", "a\\", "[z-a]"])
def test_an_invalid_pattern_is_reported(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "a.js").write_text("export {};\n")
    targets = find_targets([tmp_path], ProjectSettings(exclude=[pattern]))
    assert [(one.code, one.message) for one in targets.problems] == [
        ("bad-configuration", f"exclude: {pattern!r} is not a valid pattern")
    ]
    assert targets.modules == [str(tmp_path / "a.js")]


def test_one_that_takes_too_long_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_patterns, "_LONGEST_MATCH_S", 0.001)
    ours = PathPatterns(str(tmp_path), ["*a" * 40 + "*b", "c.js"])
    assert not ours.match(f"{tmp_path}/{'a' * 200}bc")
    assert len(ours.faults) == 1 and "takes too long" in ours.faults[0]
    assert ours.match(f"{tmp_path}/c.js")
