"""The table of everything that can be said about a module: stable code, severity and message.

A diagnostic holds byte spans; whoever shows it turns them into lines and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from esmcache.spans import Span


class Severity(Enum):
    """How much a diagnostic matters; LSP's four levels."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


class DiagnosticKind(Enum):
    """Code, severity and message template of each kind of diagnostic."""

    SYNTAX_ERROR = ("syntax-error", Severity.ERROR, "{detail}")
    DUPLICATE_EXPORT = ("duplicate-export", Severity.ERROR, "duplicate export name {name!r}")
    DUPLICATE_IMPORT = ("duplicate-import", Severity.ERROR, "{name!r} is imported twice")
    UNDECLARED_EXPORT = ("undeclared-export", Severity.ERROR, "{name!r} is exported but not declared")
    UNRESOLVED_IMPORT = ("unresolved-import", Severity.ERROR, "{detail}")
    MISSING_EXPORT = ("missing-export", Severity.ERROR, "{module} has no export named {name!r}")
    AMBIGUOUS_EXPORT = (
        "ambiguous-export",
        Severity.ERROR,
        "{module} exports {name!r} from more than one module",
    )
    INVALID_UTF8 = ("invalid-utf8", Severity.WARNING, "not valid UTF-8: never served")
    REQUEST_MISMATCH = (
        "request-mismatch",
        Severity.WARNING,
        "the engine reads other module requests: {detail}",
    )

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
