"""Arguments of `esmcache-lsp`, and the transport it speaks over."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from esmcache_lsp.server import NAME, create_server, version


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one client until it says exit; return the exit code."""
    parser = argparse.ArgumentParser(prog=NAME, description="Language server of esmcache.")
    parser.add_argument("--version", action="version", version=f"{NAME} {version()}")
    parser.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the default)")
    parser.parse_args(arguments)
    create_server().start_io()
    return 0


if __name__ == "__main__":
    sys.exit(main())
