"""The list of features. Each registers its handlers with the server and must not know any other feature.

The features are registered at the client's `initialize`, and their first steps run in this order at `initialized`.
"""

from __future__ import annotations

from collections.abc import Callable

from pygls.lsp.server import LanguageServer

from esmcache_lsp.features import (
    cache_requests,
    cache_watching,
    code_action,
    code_lens,
    commands,
    configuration,
    definition,
    diagnostics,
    document_link,
    file_operations,
    hover,
    inlay_hint,
    references,
    status,
    text_sync,
    trust,
    watching,
    workspace_warming,
)
from esmcache_lsp.session import Session

FEATURES: tuple[Callable[[LanguageServer, Session], None], ...] = (
    configuration.register,
    text_sync.register,
    diagnostics.register,
    status.register,
    trust.register,
    file_operations.register,
    commands.register,
    cache_requests.register,
    watching.register,
    cache_watching.register,
    workspace_warming.register,
    hover.register,
    document_link.register,
    definition.register,
    references.register,
    code_lens.register,
    inlay_hint.register,
    code_action.register,
)
