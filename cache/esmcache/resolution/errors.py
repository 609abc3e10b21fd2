"""The errors that Node's resolvers throw: one class per code, each with Node's own message.

They are raised only inside this package; `Resolver` turns them into ResolutionFailure values.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


class NodeError(Exception):
    """A resolution error as Node would throw it; `code` is Node's code, or else the JavaScript error's name."""

    code = "Error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _imported_from(base: str | None) -> str:
    return f" imported from {base}" if base else ""


class ModuleNotFound(NodeError):
    """`import './absent.js'`, or with `exact` false `import 'absent-package'`."""

    code = "ERR_MODULE_NOT_FOUND"

    def __init__(self, path: str, base: str | None, *, exact: bool) -> None:
        kind = "module" if exact else "package"
        super().__init__(f"Cannot find {kind} '{path}' imported from {base}")


class CommonJsModuleNotFound(NodeError):
    """`require('./absent')`; the require stack names only the requiring module, since no other is known."""

    code = "MODULE_NOT_FOUND"

    def __init__(self, request: str, *, required_from: str | None = None, detail: str = "") -> None:
        stack = f"\nRequire stack:\n- {required_from}" if required_from else ""
        super().__init__(f"Cannot find module '{request}'{detail}{stack}")


class InvalidModuleSpecifier(NodeError):
    """`import '.hidden'`, `import './a%2fb.js'`."""

    code = "ERR_INVALID_MODULE_SPECIFIER"

    def __init__(self, request: str, reason: str, base: str | None) -> None:
        super().__init__(f'Invalid module "{request}" {reason}{_imported_from(base)}')


class InvalidPackageConfig(NodeError):
    """A package.json that cannot be parsed, or whose `exports` mixes kinds of keys."""

    code = "ERR_INVALID_PACKAGE_CONFIG"

    def __init__(self, path: str, base: str | None = None, reason: str = "") -> None:
        importing = f" while importing {base}" if base else ""
        super().__init__(f"Invalid package config {path}{importing}." + (f" {reason}" if reason else ""))


class UnreadablePackageConfig(NodeError):
    """A package.json that may exist but cannot be read; an error since Node 26."""

    code = "ERR_INVALID_PACKAGE_CONFIG"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Cannot read package config {path}: {reason}.")


class InvalidPackageTarget(NodeError):
    """`"exports": "no-dot-slash.js"`."""

    code = "ERR_INVALID_PACKAGE_TARGET"

    def __init__(self, package_path: str, key: str, target: str, *, internal: bool, base: str | None) -> None:
        must_be_relative = not internal and target != "" and not target.startswith("./")
        hint = '; targets must start with "./"' if must_be_relative else ""
        shown = json.dumps(target, ensure_ascii=False)
        if key == ".":
            subject = f'Invalid "exports" main target {shown} defined in'
        else:
            subject = f"Invalid \"{'imports' if internal else 'exports'}\" target {shown} defined for '{key}' in"
        super().__init__(f"{subject} the package config {package_path}package.json{_imported_from(base)}{hint}")


class PackageImportNotDefined(NodeError):
    """`import '#absent'`."""

    code = "ERR_PACKAGE_IMPORT_NOT_DEFINED"

    def __init__(self, specifier: str, package_path: str | None, base: str) -> None:
        where = f" in package {package_path}package.json" if package_path else ""
        super().__init__(f'Package import specifier "{specifier}" is not defined{where} imported from {base}')


class PackagePathNotExported(NodeError):
    """`import 'a/internal.js'` if the package's `exports` does not name it."""

    code = "ERR_PACKAGE_PATH_NOT_EXPORTED"

    def __init__(self, package_path: str, subpath: str, base: str | None) -> None:
        subject = (
            'No "exports" main defined in'
            if subpath == "."
            else f"Package subpath '{subpath}' is not defined by \"exports\" in"
        )
        super().__init__(f"{subject} {package_path}package.json{_imported_from(base)}")


class UnsupportedDirectoryImport(NodeError):
    """`import './directory'`."""

    code = "ERR_UNSUPPORTED_DIR_IMPORT"

    def __init__(self, path: str, base: str) -> None:
        super().__init__(f"Directory import '{path}' is not supported resolving ES modules imported from {base}")


class UnsupportedResolveRequest(NodeError):
    """A relative specifier in a `data:` module."""

    code = "ERR_UNSUPPORTED_RESOLVE_REQUEST"

    def __init__(self, specifier: str, base: str) -> None:
        super().__init__(
            f'Failed to resolve module specifier "{specifier}" from "{base}": '
            "Invalid relative URL or base scheme is not hierarchical."
        )


class UnsupportedUrlScheme(NodeError):
    """`import 'https://example.org/a.js'`."""

    code = "ERR_UNSUPPORTED_ESM_URL_SCHEME"

    def __init__(self, protocol: str, supported: Sequence[str]) -> None:
        *first, last = supported
        listed = f"{', '.join(first)}{',' if len(first) > 1 else ''} and {last}"
        super().__init__(
            f"Only URLs with a scheme in: {listed} are supported by the default ESM loader. "
            f"Received protocol '{protocol}'"
        )


class UnknownBuiltinModule(NodeError):
    """`import 'node:absent'`."""

    code = "ERR_UNKNOWN_BUILTIN_MODULE"

    def __init__(self, specifier: str) -> None:
        super().__init__(f"No such built-in module: {specifier}")


class UnknownFileExtension(NodeError):
    """`import './a.css'`; Node throws it when it loads the file."""

    code = "ERR_UNKNOWN_FILE_EXTENSION"

    def __init__(self, extension: str, path: str) -> None:
        super().__init__(f'Unknown file extension "{extension}" for {path}')


class UnknownModuleFormat(NodeError):
    """`import 'data:text/plain,a'`."""

    code = "ERR_UNKNOWN_MODULE_FORMAT"

    def __init__(self, module_format: str, url: str) -> None:
        super().__init__(f"Unknown module format: {module_format} for URL {url}")


class InvalidUrl(NodeError):
    """`import 'data:no-comma'`."""

    code = "ERR_INVALID_URL"

    def __init__(self) -> None:
        super().__init__("Invalid URL")


class InvalidUrlScheme(NodeError):
    """A URL that is not a file: URL although a path is needed, such as `require('#imports-a-builtin')`."""

    code = "ERR_INVALID_URL_SCHEME"

    def __init__(self) -> None:
        super().__init__("The URL must be of scheme file")


class InvalidFileUrlHost(NodeError):
    """`import 'file://host/a.js'`."""

    code = "ERR_INVALID_FILE_URL_HOST"

    def __init__(self) -> None:
        super().__init__('File URL host must be "localhost" or empty on linux')


class InvalidFileUrlPath(NodeError):
    """A file: URL with an encoded slash although a path is needed."""

    code = "ERR_INVALID_FILE_URL_PATH"

    def __init__(self) -> None:
        super().__init__("File URL path must not include encoded / characters")


# Node's own messages show at most this many characters of a value (lib/internal/errors.js).
_MOST_SHOWN = 128


class InvalidArgumentValue(NodeError):
    """`require('')`, or a path with a NUL."""

    code = "ERR_INVALID_ARG_VALUE"

    @classmethod
    def null_bytes(cls, path: str) -> InvalidArgumentValue:
        """Return the error of a file system call for a path with a NUL."""
        escaped = path.replace("\\", "\\\\").replace("\0", "\\x00")
        shown = f"'{escaped}'"
        if len(shown) > _MOST_SHOWN:
            shown = f"{shown[:_MOST_SHOWN]}..."
        return cls(f"The argument 'path' must be a string, Uint8Array, or URL without null bytes. Received {shown}")

    @classmethod
    def empty_id(cls) -> InvalidArgumentValue:
        """Return the error of `require('')`."""
        return cls("The argument 'id' must be a non-empty string. Received ''")


class JavaScriptUriError(NodeError):
    """A URL's path that is not percent-encoded UTF-8; Node's error has no code."""

    code = "URIError"

    def __init__(self) -> None:
        super().__init__("URI malformed")


class JavaScriptSyntaxError(NodeError):
    """`exports` or `imports` that only a lenient parser accepts; the message differs from V8's."""

    code = "SyntaxError"


class JavaScriptRangeError(NodeError):
    """Conditions nested deeper than the stack."""

    code = "RangeError"

    def __init__(self) -> None:
        super().__init__("Maximum call stack size exceeded")
