"""The list of features: each registers its handlers with the server and knows no other feature."""

from __future__ import annotations

from collections.abc import Callable

from pygls.lsp.server import LanguageServer

FEATURES: tuple[Callable[[LanguageServer], None], ...] = ()
