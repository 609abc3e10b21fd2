"""The user's trust in the workspace: given at `initialize`, and again when the user changes it."""

from __future__ import annotations

import logging
from typing import Any

from pygls.lsp.server import LanguageServer

from esmcache_lsp.session import Session

logger = logging.getLogger(__name__)


def register(server: LanguageServer, session: Session) -> None:
    """Register the notification; a malformed one changes nothing."""

    @server.feature("esmcache/didChangeTrust")
    def did_change_trust(params: Any) -> None:
        is_trusted = params.get("trusted") if isinstance(params, dict) else None
        if isinstance(is_trusted, bool):
            session.set_trust(is_trusted)
        else:
            logger.warning("esmcache/didChangeTrust: `trusted` is neither true nor false")
