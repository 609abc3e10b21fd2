"""The table of all diagnostics of a module: stable code, severity and message.

A diagnostic holds byte spans; the code that shows it turns them into lines and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from esmcache.spans import Span


class Severity(Enum):
    """The severity of a diagnostic: LSP's four levels."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


class DiagnosticKind(Enum):
    """Code, severity and message template of each kind of diagnostic."""

    SYNTAX_ERROR = ("syntax-error", Severity.ERROR, "{detail}")
    UNSUPPORTED_TYPESCRIPT_SYNTAX = ("unsupported-typescript-syntax", Severity.ERROR, "{detail}")
    DUPLICATE_EXPORT = ("duplicate-export", Severity.ERROR, "duplicate export name {name!r}")
    DUPLICATE_IMPORT = ("duplicate-import", Severity.ERROR, "{name!r} is imported twice")
    UNDECLARED_EXPORT = ("undeclared-export", Severity.ERROR, "{name!r} is exported but not declared")
    IMPORT_REDECLARED = ("import-redeclared", Severity.ERROR, "{name!r} is imported and declared")
    DUPLICATE_DECLARATION = ("duplicate-declaration", Severity.ERROR, "{name!r} is declared twice")
    RESERVED_BINDING = ("reserved-binding", Severity.ERROR, "{name!r} cannot be bound in a module")
    ILL_FORMED_NAME = ("ill-formed-name", Severity.ERROR, "the name has a lone surrogate: {name}")
    DUPLICATE_ATTRIBUTE = ("duplicate-attribute", Severity.ERROR, "the attribute {name!r} is given twice")
    RESERVED_AWAIT = ("reserved-await", Severity.ERROR, "'await' is no name in modules")
    MISPLACED_AWAIT = (
        "misplaced-await",
        Severity.ERROR,
        "'await' is allowed in async functions and at a module's top level alone",
    )
    UNDEFINED_LABEL = ("undefined-label", Severity.ERROR, "no enclosing {what} has the label {name!r}")
    DUPLICATE_LABEL = ("duplicate-label", Severity.ERROR, "the label {name!r} is that of an enclosing statement")
    MISPLACED_BREAK = ("misplaced-break", Severity.ERROR, "'break' outside of a loop or switch")
    MISPLACED_CONTINUE = ("misplaced-continue", Severity.ERROR, "'continue' outside of a loop")
    MISPLACED_RETURN = ("misplaced-return", Severity.ERROR, "'return' outside of a function")
    MISPLACED_NEW_TARGET = ("misplaced-new-target", Severity.ERROR, "'new.target' outside of a function")
    MISPLACED_DECLARATION = (
        "misplaced-declaration",
        Severity.ERROR,
        "{what} is allowed at a module's top level alone",
    )
    MISPLACED_ARGUMENTS = (
        "misplaced-arguments",
        Severity.ERROR,
        "'arguments' is no name in a class's fields and static blocks",
    )
    INVALID_DELETE = ("invalid-delete", Severity.ERROR, "{what} cannot be deleted")
    WITH_STATEMENT = ("with-statement", Severity.ERROR, "modules have no 'with' statement")
    OCTAL_LITERAL = ("octal-literal", Severity.ERROR, "modules have no numbers with a leading zero: {text}")
    OCTAL_ESCAPE = ("octal-escape", Severity.ERROR, "modules have no octal escapes: {text}")
    UNDECLARED_PRIVATE_NAME = ("undeclared-private-name", Severity.ERROR, "no enclosing class declares {name}")
    DUPLICATE_PRIVATE_NAME = ("duplicate-private-name", Severity.ERROR, "the class declares {name} twice")
    UNRESOLVED_IMPORT = ("unresolved-import", Severity.ERROR, "{detail}")
    ATTRIBUTE_MISMATCH = ("attribute-mismatch", Severity.ERROR, "{detail}")
    INVALID_JSON = ("invalid-json", Severity.ERROR, "{module} is not JSON: {detail}")
    MISSING_EXPORT = ("missing-export", Severity.ERROR, "{module} has no export named {name!r}")
    AMBIGUOUS_EXPORT = (
        "ambiguous-export",
        Severity.ERROR,
        "{module} exports {name!r} from more than one module",
    )
    INVALID_UTF8 = ("invalid-utf8", Severity.WARNING, "not valid UTF-8: never served")
    TOO_COSTLY = (
        "too-costly",
        Severity.WARNING,
        "this text costs too much to be analysed ({limit}): never served by its record",
    )
    REQUEST_MISMATCH = (
        "request-mismatch",
        Severity.WARNING,
        "Node finds other imports than esmcache: {detail}",
    )

    IMPORT_CYCLE = ("import-cycle", Severity.INFORMATION, "part of a cycle of {count} modules that import one another")
    CACHE_COLD = ("cache-cold", Severity.HINT, "not cached yet")
    CACHE_STALE = ("cache-stale", Severity.HINT, "changed since it was cached")
    CACHE_QUARANTINED = ("cache-quarantined", Severity.WARNING, "this module has no code cache: {detail}")
    CACHE_DAMAGED = ("cache-damaged", Severity.WARNING, "the cache of this module is damaged: {detail}")
    NOT_SERVED = ("not-served", Severity.HINT, "Node loads this module itself: {detail}")
    ENGINE_MISSING = ("engine-missing", Severity.WARNING, "no Node to compile for: {detail}")

    def __init__(self, code: str, severity: Severity, template: str) -> None:
        self.code = code
        self.severity = severity
        self.template = template


@dataclass(frozen=True, slots=True)
class RelatedSpan:
    """A second place that explains a diagnostic, such as the first of two declarations."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about one module's source."""

    kind: DiagnosticKind
    span: Span
    message: str
    related: tuple[RelatedSpan, ...] = ()


def diagnostic(kind: DiagnosticKind, span: Span, /, *related: RelatedSpan, **arguments: str) -> Diagnostic:
    """Return a diagnostic of `kind` with its message filled in from `arguments`."""
    return Diagnostic(kind, span, kind.template.format(**arguments), related)
