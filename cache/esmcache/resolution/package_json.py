"""Reads package.json files and finds the one whose scope contains a path.

Each file is read once per snapshot. Node's two loaders search for scopes by slightly different rules.
"""

from __future__ import annotations

from typing import Any

from esmcache.records import InputKind
from esmcache.resolution.builtins import NodeVersion
from esmcache.resolution.errors import InvalidPackageConfig, UnreadablePackageConfig
from esmcache.resolution.file_facts import EntryKind, FileFacts, Inputs, Trace, possible_directory
from esmcache.resolution.package_fields import (
    InvalidPackageJson,
    PackageFields,
    Unparsable,
    parse_package_fields,
)


class PackageJson:
    """One package.json, or its absence.

    Args:
        facts: The facts of the file system that show it.
        fields: Its fields, or None if it is absent or broken.
        broken: Whether it is not valid.
        trouble: The reason why it could not be read, or ''.
    """

    __slots__ = ("_fields", "broken", "exists", "facts", "path", "trouble")

    def __init__(
        self,
        path: str,
        facts: Inputs,
        fields: PackageFields | None = None,
        *,
        broken: bool = False,
        trouble: str = "",
    ) -> None:
        self.path = path
        self.facts = facts
        self.exists = fields is not None
        self.broken = broken
        self.trouble = trouble
        self._fields = fields or PackageFields()

    @property
    def name(self) -> str | None:
        """Return the package's name."""
        return self._fields.name

    @property
    def main(self) -> str | None:
        """Return the legacy entry point."""
        return self._fields.main

    @property
    def type(self) -> str:
        """Return `module`, `commonjs` or `none`."""
        return self._fields.type

    @property
    def has_exports(self) -> bool:
        """Return whether the package has exports.

        Raises:
            JavaScriptSyntaxError: If JSON.parse rejects `exports`.
        """
        return _usable(self._fields.exports) is not None

    @property
    def exports(self) -> Any:
        """Return the parsed `exports`.

        Raises:
            JavaScriptSyntaxError: If JSON.parse rejects `exports`.
        """
        return _usable(self._fields.exports)

    def check_maps(self) -> None:
        """Check that JSON.parse accepts both maps; most of Node's code parses both at once.

        Raises:
            JavaScriptSyntaxError: If JSON.parse rejects `exports` or `imports`.
        """
        _usable(self._fields.exports)
        _usable(self._fields.imports)

    @property
    def has_imports(self) -> bool:
        """Return whether the package has imports.

        Raises:
            JavaScriptSyntaxError: If JSON.parse rejects `imports`.
        """
        return _usable(self._fields.imports) is not None

    @property
    def imports(self) -> Any:
        """Return the parsed `imports`.

        Raises:
            JavaScriptSyntaxError: If JSON.parse rejects `imports`.
        """
        return _usable(self._fields.imports)


class PackageJsonReader:
    """Reads package.json files through `FileFacts`; every method adds the facts that it used to `trace`."""

    def __init__(self, facts: FileFacts, node_version: NodeVersion) -> None:
        self._facts = facts
        self._is_22 = node_version < (24, 0, 0)
        self._reports_trouble = node_version >= (26, 0, 0)
        self._packages: dict[str, PackageJson] = {}
        self._scopes: dict[str, tuple[PackageJson | None, Inputs]] = {}
        self._nearest: dict[str, tuple[PackageJson | None, Inputs]] = {}

    def read(self, path: str, trace: Trace, importing: tuple[str, str] | None = None) -> PackageJson:
        """Return the package.json at `path`.

        Args:
            importing: A specifier and the path of the module that imports it, for the message.

        Raises:
            InvalidPackageConfig: If it is not valid.
            UnreadablePackageConfig: If it may exist but cannot be read.
            JavaScriptSyntaxError: If JSON.parse rejects `exports` or `imports`.
        """
        package = self._package(path)
        trace.append(package.facts)
        if package.trouble:
            raise UnreadablePackageConfig(path, package.trouble)
        if package.broken:
            base = f'"{importing[0]}" from {importing[1]}' if importing is not None else None
            raise InvalidPackageConfig(path, base)
        package.check_maps()
        return package

    def scope(self, directory: str, trace: Trace) -> PackageJson | None:
        """Return the package.json of the ES module scope that contains `directory`, or None if it has none.

        Spec: LOOKUP_PACKAGE_SCOPE.

        Raises:
            InvalidPackageConfig: If it is not valid.
            UnreadablePackageConfig: If it may exist but cannot be read.
            JavaScriptSyntaxError: If JSON.parse rejects `exports` or `imports`.
        """
        package = self._lookup(directory, trace, self._scopes, _ends_esm_scope)
        if package is not None:
            package.check_maps()
        return package

    def nearest(self, directory: str, trace: Trace) -> PackageJson | None:
        """Return the nearest package.json by the rules of `require`; one in the root directory does not count.

        Raises:
            InvalidPackageConfig: If it is not valid.
            UnreadablePackageConfig: If it may exist but cannot be read.
            JavaScriptSyntaxError: If JSON.parse rejects `exports` or `imports`, under Node 22.
        """
        package = self._lookup(directory, trace, self._nearest, _ends_commonjs_scope)
        if package is not None and self._is_22:
            package.check_maps()
        return package

    def _lookup(
        self,
        directory: str,
        trace: Trace,
        known: dict[str, tuple[PackageJson | None, Inputs]],
        ends: Any,
    ) -> PackageJson | None:
        passed: list[str] = []
        at = possible_directory(directory)
        while (found := known.get(at)) is None:
            if ends(at):
                found = known[at] = (None, ())
                break
            path = f"{at}/package.json" if at != "/" else "/package.json"
            package = self._package(path)
            if package.exists or package.broken or package.trouble:
                found = known[at] = (package, package.facts)
                break
            if at == "/":
                found = known[at] = (None, package.facts)
                break
            passed.append(at)
            at = at[: at.rfind("/")] or "/"
        while passed:
            at = passed.pop()
            path = f"{at}/package.json"
            found = known[at] = (found[0], self._facts.union((self._packages[path].facts, found[1])))
        package_found, facts = found
        trace.append(facts)
        if package_found is not None:
            if package_found.trouble:
                raise UnreadablePackageConfig(package_found.path, package_found.trouble)
            if package_found.broken:
                raise InvalidPackageConfig(package_found.path)
        return package_found

    def _package(self, path: str) -> PackageJson:
        package = self._packages.get(path)
        if package is None:
            package = self._packages[path] = self._read(path)
        return package

    def _read(self, path: str) -> PackageJson:
        entry = self._facts.entry(path.split("\0", 1)[0])
        if entry.kind is not EntryKind.FILE:
            trouble = entry.trouble if self._reports_trouble else ""
            return PackageJson(path, self._facts.facts_including(entry), trouble=trouble)
        try:
            content = self._facts.read(entry.real_path)
        except OSError as error:
            fact = self._facts.fact(InputKind.PACKAGE_JSON, entry.real_path)
            trouble = (error.strerror or "").lower() if self._reports_trouble else ""
            return PackageJson(path, self._facts.union((entry.facts, (fact,))), trouble=trouble)
        fact = self._facts.fact_of_content(entry.real_path, content)
        facts = self._facts.union((entry.facts, (fact,)))
        try:
            fields = parse_package_fields(content, strict_types=self._is_22)
        except InvalidPackageJson:
            return PackageJson(path, facts, broken=True)
        return PackageJson(path, facts, fields)


def _usable(value: Any) -> Any:
    if isinstance(value, Unparsable):
        raise value.error()
    return value


def _ends_esm_scope(directory: str) -> bool:
    return directory.endswith("node_modules")


def _ends_commonjs_scope(directory: str) -> bool:
    return directory == "/" or directory.endswith("/node_modules")
