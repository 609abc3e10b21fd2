"""Arguments of `esmcache-lsp`, and the transport it speaks over."""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one client until it says exit or goes away; return the exit code."""
    # The processes that work for the server import this file as well, and need nothing of what it takes to speak LSP.
    from esmcache_lsp.server import NAME, create_server, serve, version
    from esmcache_lsp.session import Session
    from esmcache_lsp.transport import stdio, tcp

    parser = argparse.ArgumentParser(prog=NAME, description="Language server of esmcache.")
    parser.add_argument("--version", action="version", version=f"{NAME} {version()}")
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the default)")
    transport.add_argument(
        "--tcp", metavar="HOST:PORT", type=_address, help="wait for one client at a TCP port; port 0: at any free one"
    )
    parser.add_argument("--log-file", metavar="PATH", help="write the log there (default: to stderr)")
    chosen = parser.parse_args(arguments)
    try:
        _begin_log(chosen.log_file)
    except OSError as error:
        parser.error(f"{chosen.log_file}: {error.strerror}")
    session = Session(chosen.log_file)
    server = create_server(session)
    try:
        asyncio.run(serve(server, tcp(chosen.tcp, _tell_address) if chosen.tcp else stdio()))
    except OSError as error:
        # Only a port that cannot be had gets here.
        print(f"{NAME}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        session.end()
        # Whatever they are at is either published or as if it had not begun.
        for child in multiprocessing.active_children():
            child.kill()
    return session.exit_code or 0


def _tell_address(addresses: str) -> None:
    # Whoever lets the server choose a port reads it here.
    print(f"esmcache-lsp: listening on {addresses}", file=sys.stderr, flush=True)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _begin_log(path: str | None) -> None:
    handler = logging.StreamHandler(sys.stderr) if path is None else logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("esmcache_lsp").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
