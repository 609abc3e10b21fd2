"""The format that Node gives a file before it reads the source: by extension and package scope."""

from __future__ import annotations

from esmcache.file_source import file_url_from_path
from esmcache.records import InputKind, ModuleFormat
from esmcache.resolution.builtins import NodeVersion
from esmcache.resolution.errors import UnknownFileExtension
from esmcache.resolution.file_facts import FileFacts, Trace
from esmcache.resolution.package_json import PackageJsonReader

TYPESCRIPT_SUFFIXES = (".ts", ".mts", ".cts")
# Declarations have no code to run.
DECLARATION_SUFFIXES = (".d.ts", ".d.mts", ".d.cts")
_PACKAGE_TYPES = {"module": ModuleFormat.MODULE, "commonjs": ModuleFormat.COMMONJS}
_TYPESCRIPT_TYPES = {
    "module": ModuleFormat.MODULE_TYPESCRIPT,
    "commonjs": ModuleFormat.COMMONJS_TYPESCRIPT,
}
_WASM_MAGIC = b"\0asm"


class ModuleFormats:
    """Decides formats for one Node version; adds the facts behind each decision to `trace`."""

    def __init__(self, facts: FileFacts, packages: PackageJsonReader, node_version: NodeVersion) -> None:
        self._facts = facts
        self._packages = packages
        self._extensionless_require = node_version >= (26, 0, 0)
        self.strips_types = node_version >= (22, 18, 0)
        self._fixed = {
            ".mjs": ModuleFormat.MODULE,
            ".cjs": ModuleFormat.COMMONJS,
            ".json": ModuleFormat.JSON,
        }
        if node_version >= (24, 5, 0) or (22, 19, 0) <= node_version < (23, 0, 0):
            self._fixed[".wasm"] = ModuleFormat.WASM
        if node_version >= (26, 10, 0) or (24, 19, 0) <= node_version < (25, 0, 0):
            self._fixed[".node"] = ModuleFormat.ADDON
        if self.strips_types:
            self._fixed[".mts"] = ModuleFormat.MODULE_TYPESCRIPT
            self._fixed[".cts"] = ModuleFormat.COMMONJS_TYPESCRIPT

    @property
    def knows_wasm(self) -> bool:
        """Return whether `.wasm` files can be imported."""
        return ".wasm" in self._fixed

    def import_format(self, path: str, trace: Trace) -> ModuleFormat | None:
        """Return the format of an imported file, or None if the source decides.

        Args:
            path: The real path of the file.

        Raises:
            UnknownFileExtension: If no format has the extension; Node throws this a little later.
            NodeError: If the package.json of the scope is invalid or cannot be read.
        """
        extension = url_extension(file_url_from_path(path))
        if extension == ".js":
            return _PACKAGE_TYPES.get(self._scope_type(path, trace))
        fixed = self._fixed.get(extension)
        if fixed is not None:
            return fixed
        if extension == ".ts" and self.strips_types:
            return _TYPESCRIPT_TYPES.get(self._scope_type(path, trace))
        if extension != "":
            raise UnknownFileExtension(extension, path)
        package_type = self._scope_type(path, trace)
        if package_type == "module" and self.knows_wasm and self._is_wasm(path, trace):
            return ModuleFormat.WASM
        return _PACKAGE_TYPES.get(package_type)

    def require_format(self, path: str, trace: Trace) -> ModuleFormat | None:
        """Return the format of a required file, or None if the source decides.

        Args:
            path: The real path of the file.

        Raises:
            NodeError: If the nearest package.json is invalid or cannot be read.
        """
        name = path[path.rfind("/") + 1 :]
        dot = name.rfind(".")
        extension = name[dot:] if dot > 0 else ""
        if extension == ".json":
            return ModuleFormat.JSON
        if extension == ".node":
            return ModuleFormat.ADDON
        if path.endswith(".cjs"):
            return ModuleFormat.COMMONJS
        if path.endswith(".mjs"):
            return ModuleFormat.MODULE
        if path.endswith(".js"):
            return _PACKAGE_TYPES.get(self._nearest_type(path, trace))
        if self.strips_types and path.endswith((".mts", ".cts")):
            return self._fixed[path[-4:]]
        if self.strips_types and path.endswith(".ts"):
            return _TYPESCRIPT_TYPES.get(self._nearest_type(path, trace))
        if self._extensionless_require and extension == "":
            return _PACKAGE_TYPES.get(self._nearest_type(path, trace))
        return None

    def entry_format(self, path: str, trace: Trace) -> ModuleFormat | None:
        """Return the format of an entry point, which Node loads as an ES module or by the rules of `require`.

        Args:
            path: The real path of the file.

        Raises:
            NodeError: If no format has the extension, or a package.json is invalid or cannot be read.
        """
        if path.endswith(".mjs") or (path.endswith(".wasm") and self.knows_wasm):
            return self.import_format(path, trace)
        if self.strips_types and path.endswith(".mts"):
            return self.import_format(path, trace)
        if path.endswith((".cjs", ".cts")):
            return self.require_format(path, trace)
        if self._nearest_type(path, trace) == "module":
            return self.import_format(path, trace)
        return self.require_format(path, trace)

    def _scope_type(self, path: str, trace: Trace) -> str:
        package = self._packages.scope(path[: path.rfind("/")] or "/", trace)
        return package.type if package is not None else "none"

    def _nearest_type(self, path: str, trace: Trace) -> str:
        package = self._packages.nearest(path[: path.rfind("/")] or "/", trace)
        return package.type if package is not None else "none"

    def _is_wasm(self, path: str, trace: Trace) -> bool:
        # The format depends on the content. PACKAGE_JSON is the input kind for any file whose content was read.
        try:
            content = self._facts.read(path)
        except OSError:
            trace.append((self._facts.fact(InputKind.PACKAGE_JSON, path),))
            return False
        trace.append((self._facts.fact_of_content(path, content),))
        return content[:4] == _WASM_MAGIC


def url_extension(pathname: str) -> str:
    """Return the extension of a URL's path as Node reads it; a dotfile has no extension."""
    name = pathname[pathname.rfind("/") + 1 :]
    dot = name.rfind(".")
    return name[dot:] if dot > 0 else ""
