"""The diagnostics of modules, either pushed to the client or pulled by it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha256

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.build.targets import is_source_name
from esmcache.diagnostics import DiagnosticKind
from esmcache.errors import CacheError
from esmcache.ide.values import Finding
from esmcache.ide.workspace import Workspace
from esmcache_lsp.convert import (
    SOURCE,
    DiagnosticDetails,
    diagnostics_from_findings,
    path_from_uri,
    uri_from_path,
    uri_from_url,
)
from esmcache_lsp.open_documents import OpenDocument
from esmcache_lsp.session import Session

# A changed document is analysed when nobody has typed for this time.
_TYPING_S = 0.15
# The modules that are analysed in one call, so that other requests are answered in between.
_AT_ONCE = 25
_CYCLE = DiagnosticKind.IMPORT_CYCLE.code
# Node loads no such file, and the diagnostics of one say so.
_TSX = ".tsx"


def register(server: LanguageServer, session: Session) -> None:
    """Register pull diagnostics if the client supports them; else push."""
    published = _Published(server, session)
    capabilities = server.client_capabilities
    text, workspace = capabilities.text_document, capabilities.workspace
    can_refresh = bool(workspace and workspace.diagnostics and workspace.diagnostics.refresh_support)
    if text is not None and text.diagnostic is not None and can_refresh:
        _register_pull(server, session, published)
    else:
        # A client that cannot be asked to pull again would keep showing outdated diagnostics.
        session.when_text_changed.append(published.note_typing)
        session.when_saved.append(published.note_save)
        session.when_facts_changed.append(published.note_facts)
        session.when_settings_changed.append(lambda: published.note_facts(None))


def _register_pull(server: LanguageServer, session: Session, published: _Published) -> None:
    options = types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier=SOURCE, work_done_progress=False
    )

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def document_diagnostic(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        path = path_from_uri(params.text_document.uri)
        items = [] if path is None else await published.diagnostics(path)
        result_id = _result_id(items)
        if result_id == params.previous_result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id)
        return types.RelatedFullDocumentDiagnosticReport(items, result_id=result_id)

    whole = _Whole(session, published)

    @server.feature(types.WORKSPACE_DIAGNOSTIC)
    async def workspace_diagnostic(params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        previous = {one.uri: one.value for one in params.previous_result_ids}
        reports: list[types.WorkspaceDocumentDiagnosticReport] = []
        for path, items in (await whole.diagnostics()).items():
            uri = uri_from_path(path)
            result_id = _result_id(items)
            document = session.documents.get(path)
            version = None if document is None else document.version
            if previous.get(uri) == result_id:
                reports.append(types.WorkspaceUnchangedDocumentDiagnosticReport(uri, result_id, version))
            elif items or uri in previous:
                reports.append(types.WorkspaceFullDocumentDiagnosticReport(uri, items, version, result_id=result_id))
        return types.WorkspaceDiagnosticReport(reports)

    def refresh(_: object = None) -> None:
        if session.is_enabled:
            server.workspace_diagnostic_refresh(None)

    session.when_facts_changed.append(refresh)
    session.when_settings_changed.append(refresh)


class _Whole:
    """The diagnostics of all modules of the workspace. Clients request them every few seconds, so they are kept."""

    def __init__(self, session: Session, published: _Published) -> None:
        self._session = session
        self._published = published
        self._changes = 0
        self._known_at = -1
        self._known: dict[str, list[types.Diagnostic]] = {}
        session.when_text_changed.append(self._note_change)
        session.when_saved.append(self._note_change)
        session.when_facts_changed.append(self._note_change)
        session.when_settings_changed.append(self._note_change)

    async def diagnostics(self) -> dict[str, list[types.Diagnostic]]:
        """Return the diagnostics by path; they are computed again only after a change."""
        changes = self._changes
        if changes != self._known_at:
            paths: Sequence[str] = await self._session.answer((), Workspace.own_modules, self._session.folders)
            known: dict[str, list[types.Diagnostic]] = {}
            for start in range(0, len(paths), _AT_ONCE):
                known |= await self._published.diagnostics_of(paths[start : start + _AT_ONCE])
            self._known, self._known_at = known, changes
        return self._known

    def _note_change(self, _: object = None) -> None:
        self._changes += 1


class _Published:
    """The diagnostics that the client has last received, and those that it is to receive next."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server = server
        self._session = session
        # The last diagnostics of each file, and the open document and version that they belong to. A client discards
        # diagnostics when it closes a document, and may ignore those of a version that is no longer current.
        self._last: dict[str, list[types.Diagnostic]] = {}
        self._last_of: dict[str, tuple[OpenDocument | None, int | None]] = {}
        self._typing: dict[str, asyncio.TimerHandle] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._others: asyncio.Task[None] | None = None

    async def diagnostics(self, path: str) -> list[types.Diagnostic]:
        """Return the current diagnostics of a file."""
        return (await self.diagnostics_of([path])).get(path, [])

    async def diagnostics_of(self, paths: Sequence[str]) -> dict[str, list[types.Diagnostic]]:
        """Return the current diagnostics of some files."""
        session = self._session
        chosen: dict[str, str] = {_CYCLE: "off", **session.settings.severity}
        sources = [path for path in paths if is_source_name(path) or path.endswith(_TSX)]
        if not session.is_enabled or not sources:
            return {}
        try:
            found = await session.ask(
                Workspace.findings_of,
                sources,
                with_cycles=chosen[_CYCLE] != "off",
                without_cache=[path for path in sources if session.is_being_saved(path)],
            )
        except CacheError:
            # The status shows what is wrong with the cache.
            return {}
        return {path: self._converted(path, findings, chosen) for path, findings in found.items()}

    def _converted(self, path: str, findings: list[Finding], chosen: dict[str, str]) -> list[types.Diagnostic]:
        if path != next(iter(self._session.documents), None):
            # A missing Node is reported in one document only, not in every module.
            findings = [one for one in findings if one.code != DiagnosticKind.ENGINE_MISSING.code]
        return diagnostics_from_findings(findings, chosen, self._details())

    def note_typing(self, path: str) -> None:
        """Analyse a document when nobody has typed in it for a moment, and then the other open documents."""
        handle = self._typing.pop(path, None)
        if handle is not None:
            handle.cancel()
        loop = asyncio.get_running_loop()
        self._typing[path] = loop.call_later(_TYPING_S, self._look_at_typed, path)

    def _look_at_typed(self, path: str) -> None:
        self._look([path])
        if self._others is not None:
            self._others.cancel()
        # The index does not know the imports of modules that were never warmed, so all open documents are analysed.
        self._others = self._session.spawn(self._publish_all([one for one in self._session.documents if one != path]))

    async def _publish_all(self, paths: Sequence[str]) -> None:
        for path in paths:
            await self._publish(path)

    def note_save(self, path: str) -> None:
        """Analyse a saved document and the modules that import it."""
        self._look([path])
        self._session.spawn(self._look_at_importers(path))

    def note_facts(self, paths: list[str] | None) -> None:
        """Analyse files whose facts may have changed; None stands for all files that the client has diagnostics of."""
        self._look(list(dict.fromkeys([*self._session.documents, *self._last])) if paths is None else paths)

    def _look(self, paths: Iterable[str]) -> None:
        for path in paths:
            handle = self._typing.pop(path, None)
            if handle is not None:
                handle.cancel()
            running = self._running.get(path)
            if running is not None:
                running.cancel()
            self._running[path] = self._session.spawn(self._publish(path))

    async def _look_at_importers(self, path: str) -> None:
        urls = await self._session.ask(Workspace.importers, path)
        real_paths = [found for url in urls if (found := path_from_uri(uri_from_url(url))) is not None]
        # The index does not know the imports of modules that were never warmed, so all open documents are included.
        shown = [self._session.documents.shown_path(one) for one in real_paths]
        paths = dict.fromkeys([*shown, *self._session.documents])
        await self._publish_all([one for one in paths if "/node_modules/" not in one])

    async def _publish(self, path: str) -> None:
        session = self._session
        is_shown = path in session.documents
        items = await self.diagnostics(path)
        if not is_shown:
            # Closed files get errors only.
            items = [one for one in items if one.severity == types.DiagnosticSeverity.Error]
        self._running.pop(path, None)
        document = session.documents.get(path)
        uri, version = (uri_from_path(path), None) if document is None else (document.uri, document.version)
        opening, last_version = self._last_of.get(path, (None, None))
        is_told = path in self._last and opening is document and last_version == version
        if (is_told and self._last[path] == items) or (path not in self._last and not items):
            return
        self._last[path], self._last_of[path] = items, (document, version)
        if document is None and not items:
            del self._last[path], self._last_of[path]
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, items, version))

    def _details(self) -> DiagnosticDetails:
        text = self._server.client_capabilities.text_document
        either = () if text is None else (text.publish_diagnostics, text.diagnostic)
        return DiagnosticDetails(
            related=any(one is not None and bool(one.related_information) for one in either),
            description=any(one is not None and bool(one.code_description_support) for one in either),
        )


def _result_id(items: list[types.Diagnostic]) -> str:
    return sha256(repr(items).encode("utf-8", "surrogatepass")).hexdigest()[:16]
