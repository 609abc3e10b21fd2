"""Finds the test files that the scripts of a package start by `node --test`, from the scripts and the names of files.

A script may name files and patterns. Without any, Node looks for the default names. Where this reading of a script is
wrong, a warm makes too many or too few entry points, and programs run in the same way.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence

import regex

# Node's default pattern (lib/internal/test_runner/utils.js), which ends in the extensions that it runs.
_DEFAULT = "**/{test,test/**/*,test-*,*[._-]test}"
_JAVASCRIPT = ".{js,mjs,cjs}"
_AND_TYPESCRIPT = ".{js,mjs,cjs,ts,mts,cts}"
# Node leaves these out, wherever they are.
_LEFT_OUT = "node_modules"
# Flags of Node that take the next word as their value; other words after flags are files or patterns.
_WITH_VALUE = frozenset(
    {
        *("-r", "--require", "--import", "-C", "--conditions", "--env-file", "--env-file-if-exists", "--watch-path"),
        *("--loader", "--experimental-loader", "--experimental-config-file", "--disable-warning", "--title"),
        *("--unhandled-rejections", "--input-type", "--inspect-port", "--icu-data-dir", "--dns-result-order"),
        *("--test-concurrency", "--test-coverage-branches", "--test-coverage-exclude", "--test-coverage-functions"),
        *("--test-coverage-include", "--test-coverage-lines", "--test-global-setup", "--test-isolation"),
        *("--test-name-pattern", "--test-random-seed", "--test-reporter", "--test-reporter-destination"),
        *("--test-rerun-failures", "--test-shard", "--test-skip-pattern", "--test-timeout"),
        *("--experimental-test-isolation", "--experimental-test-tag-filter"),
    }
)
_OPERATORS = frozenset("();<>|&")
# A project writes the scripts, so patterns may not take long, however many and however long they are.
_MOST_PATTERNS = 100
_MOST_ALTERNATIVES = 100
_DEEPEST_NESTING = 20
_LONGEST_MATCH_S = 0.25
_BRACES = regex.compile(r"\{([^{}]*)\}")
_MAGIC = regex.compile(r"[*?\[{]|[@!+]\(")


def test_files(directory: str, scripts: object, *, strips_types: bool) -> list[str]:
    """Return the absolute paths of the files that the scripts of a package start as test files, sorted.

    Links to directories are not followed, and patterns that leave the package are left out.

    Args:
        directory: The absolute path of the package.
        scripts: The field `scripts` of its package.json.
        strips_types: Whether Node also takes TypeScript by its default patterns.
    """
    default = _DEFAULT + (_AND_TYPESCRIPT if strips_types else _JAVASCRIPT)
    patterns: dict[str, None] = {}
    for named in _runs(scripts):
        patterns |= dict.fromkeys(named or [default])
    tree = _Tree(directory)
    found: set[str] = set()
    for pattern in list(patterns)[:_MOST_PATTERNS]:
        # Node 26 looks for the default names in a directory that is named.
        is_directory = "\0" not in pattern and os.path.isdir(os.path.join(directory, pattern))
        found |= tree.files_of(f"{pattern}/{default}" if is_directory else pattern)
    return sorted(found)


def _runs(scripts: object) -> Iterator[list[str]]:
    """Yield the files and patterns that each `node --test` in the scripts names."""
    for script in scripts.values() if isinstance(scripts, dict) else ():
        if not isinstance(script, str) or "--test" not in script:
            continue
        lexer = shlex.shlex(script, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError:
            # A quote is not closed.
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if not _OPERATORS.issuperset(word):
                command.append(word)
                continue
            named = _named_by(command)
            if named is not None:
                yield named
            command = []


def _named_by(command: Sequence[str]) -> list[str] | None:
    """Return the words after Node's flags, or None if the command does not start `node --test`."""
    # Other commands may stand before it: `env NAME=value node …`, `c8 node …`.
    start = next((i for i, word in enumerate(command) if os.path.basename(word) in ("node", "nodejs")), None)
    if start is None:
        return None
    flags: list[str] = []
    words = iter(command[start + 1 :])
    for word in words:
        if not word.startswith("-"):
            return [word, *words] if "--test" in flags else None
        flags.append(word)
        if word in _WITH_VALUE:
            next(words, None)
    return [] if "--test" in flags else None


class _Tree:
    """The files below a directory; each directory is listed once."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._listed: dict[str, list[os.DirEntry[str]]] = {}

    def files_of(self, pattern: str) -> set[str]:
        """Return the files that a pattern names, as Node's `fs.glob` finds them."""
        found: set[str] = set()
        for alternative in _alternatives(pattern.replace("\\", "/")):
            parts = [part for part in alternative.split("/") if part not in ("", ".")]
            if parts and not alternative.startswith("/") and ".." not in parts:
                found |= self._find(parts)
        return found

    def _find(self, parts: Sequence[str]) -> set[str]:
        fits = [_matcher(part) for part in parts]
        found: set[str] = set()
        # Each part is looked for in each directory once, whatever the number of `**`.
        waiting = [(self._directory, 0)]
        seen = set(waiting)
        while waiting:
            directory, at = waiting.pop()
            is_last = at == len(parts) - 1
            after = [(directory, at + 1)] if parts[at] == "**" and not is_last else []
            for entry in self._entries(directory):
                if parts[at] == "**":
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        after.append((entry.path, at))
                    elif is_last and entry.is_file():
                        found.add(entry.path)
                elif fits[at](entry.name):
                    if is_last and entry.is_file():
                        found.add(entry.path)
                    elif not is_last and entry.is_dir(follow_symlinks=False):
                        after.append((entry.path, at + 1))
            waiting += [place for place in after if place not in seen]
            seen.update(after)
        return found

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        if directory not in self._listed:
            try:
                with os.scandir(directory) as entries:
                    self._listed[directory] = [entry for entry in entries if entry.name != _LEFT_OUT]
            except OSError:
                self._listed[directory] = []
        return self._listed[directory]


def _alternatives(pattern: str) -> Iterable[str]:
    """Return the patterns that one with slashes in braces stands for: `{a,b/c}` is `a` or `b/c`."""
    done: list[str] = []
    waiting = [pattern]
    while waiting and len(done) + len(waiting) <= _MOST_ALTERNATIVES:
        one = waiting.pop()
        braces = next((found for found in _BRACES.finditer(one) if "/" in found[1] and "," in found[1]), None)
        if braces is None:
            done.append(one)
        else:
            waiting += [one[: braces.start()] + choice + one[braces.end() :] for choice in braces[1].split(",")]
    return done if not waiting else []


def _matcher(part: str) -> Callable[[str], bool]:
    """Return a function that compares names with one part of a pattern, between slashes."""
    if _MAGIC.search(part) is None:
        return part.__eq__
    try:
        expression = regex.compile(_expression(part))
    except regex.error:
        return lambda name: False

    takes_long = False

    def fits(name: str) -> bool:
        nonlocal takes_long
        if takes_long or (name.startswith(".") and not part.startswith(".")):
            return False
        try:
            return expression.fullmatch(name, timeout=_LONGEST_MATCH_S) is not None
        except TimeoutError:
            takes_long = True
            return False

    return fits


def _expression(part: str) -> str:
    """Return the regular expression of one part of a pattern; `!(…)`, which excludes names, matches all of them.

    A bracket that is not closed makes an expression that is not valid.
    """
    made = ""
    closing: list[str] = []
    at = 0
    while at < len(part):
        one, end = part[at], part.find("]", at + 2)
        if one in "@?*+!" and part[at + 1 : at + 2] == "(":
            made += "(?:"
            closing.append({"@": ")", "?": ")?", "*": ")*", "+": ")+", "!": "|.*)"}[one])
            at += 1
        elif one == "{":
            made += "(?:"
            closing.append(")")
        elif closing and one in ")}":
            made += closing.pop()
        elif closing and one in "|,":
            made += "|"
        elif one == "[" and end > 0:
            inner = part[at + 1 : end]
            is_negated = inner[0] in "!^"
            characters = (each if each == "-" or each.isalnum() else f"\\{each}" for each in inner[is_negated:])
            made += f"[{'^' * is_negated}{''.join(characters)}]"
            at = end
        else:
            made += {"*": ".*", "?": "."}.get(one) or regex.escape(one)
        at += 1
        if len(closing) > _DEEPEST_NESTING:
            break
    return made + "(" * len(closing)
