"""Code actions for a module: warm it, rebuild its cache, and fix its specifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from esmcache.build.targets import is_source_name
from esmcache.diagnostics import DiagnosticKind
from esmcache.ide.workspace import Workspace
from esmcache.wording import printable
from esmcache_lsp.convert import (
    SOURCE,
    edits_from_findings,
    edits_of_diagnostic,
    path_from_uri,
    workspace_edit_from_edits,
)
from esmcache_lsp.session import Session

_QUICK_FIX = types.CodeActionKind.QuickFix.value
_SOURCE_ACTION = f"{types.CodeActionKind.Source.value}.{SOURCE}"
_FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.{SOURCE}"
_NOT_WARM = frozenset({DiagnosticKind.CACHE_COLD.code, DiagnosticKind.CACHE_STALE.code})
_NOT_WELL = frozenset(
    {
        DiagnosticKind.CACHE_QUARANTINED.code,
        DiagnosticKind.CACHE_DAMAGED.code,
    }
)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A command to offer, and the codes of the diagnostics that it removes."""

    title: str
    command: str
    options: tuple[dict[str, bool], ...]
    mends: frozenset[str]


_OFFERS = (
    _Offer("Warm this module", "esmcache.warm", ({"reach": False},), _NOT_WARM),
    _Offer("Warm this module and all it reaches", "esmcache.warm", (), _NOT_WARM),
    _Offer("Rebuild its cache", "esmcache.rebuild", (), _NOT_WELL),
)


def register(server: LanguageServer, session: Session) -> None:
    """Register for code actions; a client that supports only commands gets commands."""
    capabilities = server.client_capabilities
    text, workspace = capabilities.text_document, capabilities.workspace
    can = text.code_action if text else None
    takes_actions = bool(can and can.code_action_literal_support)
    can_prefer = bool(can and can.is_preferred_support)
    can_version = bool(workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes)
    options = types.CodeActionOptions([types.CodeActionKind.QuickFix, _SOURCE_ACTION, _FIX_ALL])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        uri = params.text_document.uri
        path = path_from_uri(uri)
        if path is None or not is_source_name(path) or not session.is_enabled:
            return []
        if not takes_actions:
            return (
                [_command(offer, uri) for offer in _OFFERS] if _is_wanted(_SOURCE_ACTION, params.context.only) else []
            )
        document = session.documents.get(path)
        versions = {uri: document.version} if can_version and document is not None else None
        actions = [*_fixes(params, versions, can_prefer=can_prefer), *_cache_actions(params)]
        # This action needs all findings of the module, so it is offered only to clients that request its kind.
        if params.context.only is not None and _is_wanted(_FIX_ALL, params.context.only):
            findings = await session.answer((), Workspace.findings, path, with_cache=False)
            if edits := edits_from_findings(findings):
                edit = workspace_edit_from_edits({uri: edits}, versions)
                actions.append(types.CodeAction("Fix all specifiers", _FIX_ALL, edit=edit))
        return list(actions)


def _fixes(
    params: types.CodeActionParams, versions: dict[str, int] | None, *, can_prefer: bool
) -> list[types.CodeAction]:
    actions = []
    for diagnostic in params.context.diagnostics if _is_wanted(_QUICK_FIX, params.context.only) else ():
        edits = edits_of_diagnostic(diagnostic)
        if edits:
            action = types.CodeAction(
                _title(edits),
                types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic],
                is_preferred=True if can_prefer else None,
                edit=workspace_edit_from_edits({params.text_document.uri: edits}, versions),
            )
            actions.append(action)
    return actions


def _title(edits: Sequence[types.TextEdit]) -> str:
    said = [edit.new_text if _is_insertion(edit) else f'"{edit.new_text}"' for edit in edits]
    does = "Add" if _is_insertion(edits[0]) else "Change to"
    return printable(f"{does} {''.join(said).removeprefix(',').strip()}")


def _is_insertion(edit: types.TextEdit) -> bool:
    return edit.range.start == edit.range.end


def _cache_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
    """Return the actions on the cache: quick fixes of its diagnostics, or else source actions."""
    actions = []
    for offer in _OFFERS:
        mended = [one for one in params.context.diagnostics if one.source == SOURCE and one.code in offer.mends]
        is_fix = bool(mended) and _is_wanted(_QUICK_FIX, params.context.only)
        if is_fix or _is_wanted(_SOURCE_ACTION, params.context.only):
            action = types.CodeAction(
                offer.title,
                _QUICK_FIX if is_fix else _SOURCE_ACTION,
                diagnostics=mended or None,
                command=_command(offer, params.text_document.uri),
            )
            actions.append(action)
    return actions


def _command(offer: _Offer, uri: str) -> types.Command:
    return types.Command(offer.title, offer.command, arguments=[uri, *offer.options])


def _is_wanted(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Return whether a client's filter `only` includes this kind of action; None includes all."""
    if only is None:
        return True
    asked = [str(getattr(one, "value", one)) for one in only]
    return any(one in ("", kind) or kind.startswith(f"{one}.") for one in asked)
