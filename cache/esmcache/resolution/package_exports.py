"""PACKAGE_EXPORTS_RESOLVE, PACKAGE_IMPORTS_RESOLVE and PACKAGE_TARGET_RESOLVE.

The functions are pure, with two exceptions: targets that are package names go to PACKAGE_RESOLVE through a callback,
and the trace notes that Node warns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from esmcache.resolution.errors import (
    InvalidModuleSpecifier,
    InvalidPackageConfig,
    InvalidPackageTarget,
    NodeError,
    PackageImportNotDefined,
    PackagePathNotExported,
)
from esmcache.resolution.file_facts import Trace
from esmcache.resolution.package_json import PackageJson
from esmcache.resolution.urls import Url, parse_url

PackageResolve = Callable[[str, Url], Url]
"""PACKAGE_RESOLVE of a specifier from a package.json's URL."""

_NODE_MODULES = "".join(f"({c}|%{ord(c):02x}|%{ord(c.upper()):02x})" if c != "_" else "(_|%5f)" for c in "node_modules")
# `.`, `..` and `node_modules` as whole segments, in any encoding. Node only deprecates empty segments.
_INVALID_SEGMENT = re.compile(rf"(^|\\|/)((\.|%2e)(\.|%2e)?|{_NODE_MODULES})(\\|/|\Z)", re.IGNORECASE)
_EMPTY_SEGMENT = re.compile(r"(^|\\|/)(\\|/|\Z)")


class _Undefined:
    """JavaScript's `undefined`: no condition matched. None stands for `null`, an explicit refusal."""


_UNDEFINED = _Undefined()


class PackageMaps:
    """Resolves the `exports` and `imports` of one package.json for one referrer and one set of conditions."""

    def __init__(
        self,
        package_json_url: Url,
        base: Url | None,
        conditions: frozenset[str],
        trace: Trace,
        package_resolve: PackageResolve,
    ) -> None:
        self._url = package_json_url
        self._base = base
        self._conditions = conditions
        self._trace = trace
        self._package_resolve = package_resolve

    def package_exports_resolve(self, subpath: str, package: PackageJson) -> Url:
        """Return the URL that `exports` gives for `subpath`.

        Spec: PACKAGE_EXPORTS_RESOLVE.

        Args:
            subpath: `.` for the package itself, else the path in it, which begins with `./`.

        Raises:
            PackagePathNotExported: If `exports` gives no URL for it.
            NodeError: If Node throws another error, such as that of an invalid target.
        """
        exports: Any = package.exports
        if self._is_main_sugar(exports):
            exports = {".": exports}
        if isinstance(exports, dict):
            if subpath in exports and "*" not in subpath and not subpath.endswith("/"):
                found = self._target(exports[subpath], "", subpath, pattern=False, internal=False)
                if isinstance(found, Url):
                    return found
                raise self._not_exported(subpath)
            best, match = _best_pattern(exports, subpath)
            if subpath.endswith("/"):
                self._trace.warns = True
            if best:
                found = self._target(exports[best], match, best, pattern=True, internal=False)
                if isinstance(found, Url):
                    return found
        raise self._not_exported(subpath)

    def package_imports_resolve(self, name: str, package: PackageJson | None) -> Url:
        """Return the URL that `imports` gives for `name`.

        Spec: PACKAGE_IMPORTS_RESOLVE.

        Args:
            name: A name that `check_imports_name` accepts.
            package: The package.json with `imports`, or None if there is none.

        Raises:
            PackageImportNotDefined: If `imports` gives no URL for it.
            NodeError: If Node throws another error, such as that of an invalid target.
        """
        imports: Any = package.imports if package is not None else None
        if isinstance(imports, dict):
            found: Url | _Undefined | None = None
            if name in imports and "*" not in name:
                found = self._target(imports[name], "", name, pattern=False, internal=True)
            else:
                best, match = _best_pattern(imports, name)
                if best:
                    found = self._target(imports[best], match, best, pattern=True, internal=True)
            if isinstance(found, Url):
                return found
        assert self._base is not None
        directory = self._package_directory() if package is not None else None
        raise PackageImportNotDefined(name, directory, self._base.file_path())

    def _is_main_sugar(self, exports: Any) -> bool:
        if isinstance(exports, str | list):
            return True
        keys = list(exports)
        sugar = bool(keys) and not keys[0].startswith(".")
        if any((not key.startswith(".")) != sugar for key in keys):
            raise self._invalid_config(
                "\"exports\" cannot contain some keys starting with '.' and some not."
                " The exports object must either be an object of package subpath keys"
                " or an object of main entry condition name keys only."
            )
        return sugar

    def _target(self, target: Any, match: str, key: str, *, pattern: bool, internal: bool) -> Url | _Undefined | None:
        """Return the URL of a target, None for `null`, or _UNDEFINED if no condition holds.

        Spec: PACKAGE_TARGET_RESOLVE.
        """
        if isinstance(target, str):
            return self._target_string(target, match, key, pattern=pattern, internal=internal)
        if isinstance(target, list):
            return self._target_array(target, match, key, pattern=pattern, internal=internal)
        if isinstance(target, dict):
            if any(_is_array_index(condition) for condition in target):
                raise self._invalid_config('"exports" cannot contain numeric property keys.')
            for condition, conditional in target.items():
                if condition == "default" or condition in self._conditions:
                    found = self._target(conditional, match, key, pattern=pattern, internal=internal)
                    if found is not _UNDEFINED:
                        return found
            return _UNDEFINED
        if target is None:
            return None
        raise self._invalid_target(key, _javascript_text(target), internal=internal)

    def _target_array(
        self, targets: list[Any], match: str, key: str, *, pattern: bool, internal: bool
    ) -> Url | _Undefined | None:
        last: NodeError | _Undefined | None = _UNDEFINED if targets else None
        for target in targets:
            try:
                found = self._target(target, match, key, pattern=pattern, internal=internal)
            except InvalidPackageTarget as error:
                last = error
                continue
            if isinstance(found, Url):
                return found
            if found is None:
                last = None
        if isinstance(last, NodeError):
            raise last
        return last

    def _target_string(self, target: str, match: str, key: str, *, pattern: bool, internal: bool) -> Url:
        if not target.startswith("./"):
            if internal and not target.startswith(("/", "../")) and parse_url(target) is None:
                return self._package_resolve(target.replace("*", match) if pattern else target, self._url)
            raise self._invalid_target(key, target, internal=internal)
        if _INVALID_SEGMENT.search(target[2:]) is not None:
            raise self._invalid_target(key, target, internal=internal)
        if _EMPTY_SEGMENT.search(target[2:]) is not None or (match and _EMPTY_SEGMENT.search(match) is not None):
            self._trace.warns = True
        resolved = parse_url(target, self._url)
        if resolved is None or not resolved.path.startswith(self._url.path[: self._url.path.rfind("/") + 1]):
            raise self._invalid_target(key, target, internal=internal)
        if match == "":
            return resolved
        if _INVALID_SEGMENT.search(match) is not None:
            request = key.replace("*", match, 1) if pattern else key + match
            kind = "imports" if internal else "exports"
            raise InvalidModuleSpecifier(
                request,
                f'request is not a valid match in pattern "{key}" for the "{kind}" resolution of '
                f"{self._url.file_path()}",
                self._base_path(),
            )
        expanded = parse_url(resolved.href.replace("*", match))
        assert expanded is not None  # It begins like a file: URL without a host, which always parses.
        return expanded

    def _invalid_config(self, reason: str) -> InvalidPackageConfig:
        base = self._base.href if self._base is not None else None
        return InvalidPackageConfig(self._url.file_path(), base, reason)

    def _invalid_target(self, key: str, target: str, *, internal: bool) -> InvalidPackageTarget:
        return InvalidPackageTarget(self._package_directory(), key, target, internal=internal, base=self._base_path())

    def _not_exported(self, subpath: str) -> PackagePathNotExported:
        return PackagePathNotExported(self._package_directory(), subpath, self._base_path())

    def _package_directory(self) -> str:
        path = self._url.file_path()
        return path[: path.rfind("/") + 1]

    def _base_path(self) -> str | None:
        return self._base.file_path() if self._base is not None else None


def check_imports_name(name: str, base: Url, *, allows_slash: bool) -> None:
    """Check a specifier that begins with `#`.

    Args:
        base: The URL of the module that requests it, for the message.
        allows_slash: Whether it may begin with `#/`, as since Node 24.14.

    Raises:
        InvalidModuleSpecifier: If it is only `#`, ends in a slash, or begins with `#/` although it may not.
    """
    if name == "#" or name.endswith("/") or (not allows_slash and name.startswith("#/")):
        raise InvalidModuleSpecifier(name, "is not a valid internal imports specifier name", base.file_path())


def _best_pattern(targets: dict[str, Any], subpath: str) -> tuple[str, str]:
    """Return the most specific matching key with one `*`, and the text that the `*` matches."""
    best = match = ""
    for key in targets:
        star = key.find("*")
        if star < 0 or not subpath.startswith(key[:star]):
            continue
        trailer = key[star + 1 :]
        if (
            len(subpath) >= len(key)
            and subpath.endswith(trailer)
            and pattern_key_compare(best, key) == 1
            and "*" not in trailer
        ):
            best = key
            match = subpath[star : len(subpath) - len(trailer)]
    return best, match


def pattern_key_compare(a: str, b: str) -> int:
    """Return -1 if `a` is the more specific key, 1 if `b` is, else 0.

    Spec: PATTERN_KEY_COMPARE.
    """
    star_a = a.find("*")
    star_b = b.find("*")
    base_a = len(a) if star_a < 0 else star_a + 1
    base_b = len(b) if star_b < 0 else star_b + 1
    if base_a != base_b:
        return -1 if base_a > base_b else 1
    if star_a < 0:
        return 1
    if star_b < 0:
        return -1
    return (len(a) < len(b)) - (len(a) > len(b))


def _is_array_index(key: str) -> bool:
    return (key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and len(key) <= 10) and int(
        key
    ) < 0xFFFF_FFFF


def _javascript_text(value: Any) -> str:
    """Return a JSON number or boolean as a JavaScript template literal prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    number = float(value) if isinstance(value, float) or value.bit_length() < 1024 else math.inf
    if math.isinf(number):
        return "Infinity" if value > 0 else "-Infinity"
    if number == int(number) and abs(number) < 1e21:
        return str(int(number))
    return repr(number).replace("e-0", "e-")
