"""The servers that the tests of the language server share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.lsp.editor import neovim, visual_studio_code
from e2e.lsp.shared_server import SharedServer


@pytest.fixture(autouse=True)
def _forked_starts(forked_starts: None) -> None:
    """Let the tests' command lines be forks."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pulling(tmp_path_factory: pytest.TempPathFactory, node: Path) -> AsyncIterator[SharedServer]:
    """Yield a server that VS Code uses: it gives diagnostics on request."""
    server = SharedServer(tmp_path_factory.mktemp("pulling"), node, visual_studio_code)
    yield server
    await server.end()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pushing(tmp_path_factory: pytest.TempPathFactory, node: Path) -> AsyncIterator[SharedServer]:
    """Yield a server that Neovim uses: it sends diagnostics without a request."""
    server = SharedServer(tmp_path_factory.mktemp("pushing"), node, neovim)
    yield server
    await server.end()
