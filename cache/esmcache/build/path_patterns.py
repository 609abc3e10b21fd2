"""Matches paths below a directory against the patterns of `include` and `exclude`, which are those of .gitignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import regex
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

# A pattern with many stars can take minutes for a name that was chosen for this.
_LONGEST_MATCH_S = 0.25


@dataclass(slots=True)
class PathPatterns:
    """Patterns as a user wrote them; `faults` has one line for each pattern that cannot be used."""

    directory: str
    patterns: Sequence[str]
    faults: list[str] = field(default_factory=list)
    _compiled: list[tuple[str, regex.Pattern[str], bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for text in self.patterns:
            # A pattern of .gitignore cannot begin with ./ for the directory itself; a leading / means the same.
            line = f"/{text.removeprefix('./')}" if text.startswith("./") else text
            try:
                expression, includes = GitIgnoreBasicPattern.pattern_to_regex(line)
                # Comments and empty lines are not patterns.
                if expression is not None and includes is not None:
                    self._compiled.append((text, regex.compile(expression), includes))
            except (ValueError, regex.error):
                self.faults.append(f"{text!r} is not a valid pattern")

    def match(self, path: str, *, is_directory: bool = False) -> bool:
        """Return whether the patterns name an absolute path; the last pattern that fits decides, and `!` negates it."""
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
