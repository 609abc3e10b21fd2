"""Hover: the facts about the specifier or the name under the cursor."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.file_source import path_from_file_url
from esmcache.ide.values import NameFacts, Place, SpecifierFacts
from esmcache.ide.workspace import Workspace
from esmcache.query.lookup import CacheState
from esmcache.wording import plural, printable, size
from esmcache_lsp.convert import hover_from_text, path_from_uri, position_from_lsp, uri_from_url
from esmcache_lsp.markdown import code_span, escaped
from esmcache_lsp.session import Session

_WORDS = {
    CacheState.FRESH: "warm",
    CacheState.STALE: "stale: changed since it was cached",
    CacheState.COLD: "cold",
    CacheState.NATIVE: "native: Node loads it itself",
}
_SHORT_KEY = 12


def register(server: LanguageServer, session: Session) -> None:
    """Register for hovers, in Markdown if the client supports it."""
    text = server.client_capabilities.text_document
    formats = (text.hover.content_format if text and text.hover else None) or ()
    is_markdown = types.MarkupKind.Markdown in formats

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        path = path_from_uri(params.text_document.uri)
        if path is None:
            return None
        facts = await session.answer(None, Workspace.facts_at, path, position_from_lsp(params.position))
        if facts is None:
            return None
        writer = _Markdown(session.folders) if is_markdown else _PlainText(session.folders)
        lines = _of_name(facts, writer) if isinstance(facts, NameFacts) else _of_specifier(facts, writer)
        return hover_from_text(facts.range, "\n".join(lines).rstrip(), is_markdown=is_markdown)


class _PlainText:
    """Writes the parts of a hover; files in a workspace folder are shown by their relative paths."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._inside = [os.path.join(os.path.realpath(folder), "") for folder in folders]

    def heading(self, code: str, rest: str) -> list[str]:
        return [f"{self.code(code)} {rest}", ""]

    def item(self, text: str) -> str:
        return text

    def code(self, text: str) -> str:
        return printable(text)

    def words(self, text: str) -> str:
        return printable(text)

    def file(self, url: str, line: int | None = None) -> str:
        return printable(self._shown(url, line))

    def _shown(self, url: str, line: int | None) -> str:
        path = path_from_file_url(url) or url
        folder = next((one for one in self._inside if path.startswith(one)), "")
        shown = path.removeprefix(folder)
        return shown if line is None else f"{shown}:{line + 1}"


class _Markdown(_PlainText):
    def heading(self, code: str, rest: str) -> list[str]:
        return [f"**{self.code(code)}** {rest}", ""]

    def item(self, text: str) -> str:
        return f"- {text}"

    def code(self, text: str) -> str:
        return code_span(text)

    def words(self, text: str) -> str:
        return escaped(text)

    def file(self, url: str, line: int | None = None) -> str:
        shown = self.code(self._shown(url, line))
        if not url.startswith("file:"):
            return shown
        fragment = "" if line is None else f"#L{line + 1}"
        return f"[{shown}](<{uri_from_url(url)}{fragment}>)"


def _of_specifier(facts: SpecifierFacts, write: _PlainText) -> list[str]:
    if not facts.resolved_url:
        return [*write.heading(facts.specifier, "is not found"), write.code(facts.error)]
    lines = write.heading(facts.specifier, f"→ {write.file(facts.resolved_url)}")
    said = {
        "package": write.code(facts.package) if facts.package else "",
        "format": facts.module_format,
        "conditions": write.words(", ".join(facts.conditions)),
        "cache": "" if facts.state is None else _WORDS[facts.state],
        "key": write.code(facts.key[:_SHORT_KEY]) if facts.key else "",
        "size": ", ".join(
            f"{what} {size(count)}"
            for what, count in (
                ("source", facts.source_size),
                ("record", facts.record_size),
                ("code cache", facts.code_cache_size),
            )
            if count
        ),
        "reaches": f"{plural(facts.reached, 'module')}, {size(facts.reached_bytes)}" if facts.reached_bytes else "",
    }
    return lines + [write.item(f"{name}: {text}") for name, text in said.items() if text]


def _of_name(facts: NameFacts, write: _PlainText) -> list[str]:
    if facts.origin is None:
        lines = write.heading(facts.name, f"is {write.words(facts.problem)}")
    else:
        is_module = facts.binding_name in ("", "*")
        place = write.file(facts.origin.url) if is_module else _place(facts.origin, write)
        called = (
            "" if is_module or facts.binding_name in (facts.name, "*default*") else f"{write.code(facts.binding_name)} "
        )
        lines = write.heading(facts.name, f"is {called}from {place}")
        if facts.problem:
            lines.append(write.item(write.words(facts.problem)))
    return lines + [write.item(f"re-exported by {_place(step, write)}") for step in facts.steps]


def _place(place: Place, write: _PlainText) -> str:
    return write.file(place.url, place.range.start.line)
