"""The patterns of `include` and `exclude`: those of .gitignore, for paths below one directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import regex
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

# A pattern with many stars takes minutes for a name that somebody has chosen to that end.
_LONGEST_MATCH_S = 0.25


@dataclass(slots=True)
class PathPatterns:
    """Patterns as somebody wrote them; `faults` has one line about each that cannot be used."""

    directory: str
    patterns: Sequence[str]
    faults: list[str] = field(default_factory=list)
    _compiled: list[tuple[str, regex.Pattern[str], bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for text in self.patterns:
            # Git has no name for the directory itself.
            line = f"/{text.removeprefix('./')}" if text.startswith("./") else text
            try:
                expression, includes = GitIgnoreBasicPattern.pattern_to_regex(line)
                # A comment and an empty line are none.
                if expression is not None and includes is not None:
                    self._compiled.append((text, regex.compile(expression), includes))
            except (ValueError, regex.error):
                self.faults.append(f"{text!r} is no pattern")

    def match(self, path: str, *, is_directory: bool = False) -> bool:
        """Return whether an absolute path is meant; the last pattern that fits decides, and `!` turns it round."""
        start = "/" if self.directory == "/" else f"{self.directory}/"
        if not path.startswith(start):
            return False
        relative = path[len(start) :] + "/" * is_directory
        is_meant = False
        for one in list(self._compiled):
            text, compiled, includes = one
            try:
                if compiled.match(relative, timeout=_LONGEST_MATCH_S):
                    is_meant = includes
            except TimeoutError:
                self._compiled.remove(one)
                self.faults.append(f"{text!r} takes too long to compare with {relative!r}")
        return is_meant
