"""The command `esmcache-lsp`: its arguments, its log, and the choice of the transport."""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esmcache_lsp.admission import Token
    from esmcache_lsp.server import Server
    from esmcache_lsp.session import Session
    from esmcache_lsp.transport import Channel


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one client until it sends `exit` or disconnects; return the exit code."""
    # The server's worker processes import this file, too, and do not need the modules that speak LSP.
    from esmcache.wording import printable
    from esmcache_lsp.server import NAME, create_server, version
    from esmcache_lsp.session import Session

    # Python puts the current directory on sys.path for `python -c`. The client's directory may be an untrusted project,
    # so worker processes must not import modules from it.
    os.environ["PYTHONSAFEPATH"] = "1"
    parser = argparse.ArgumentParser(prog=NAME, description="Language server of esmcache.")
    parser.add_argument("--version", action="version", version=f"{NAME} {version()}")
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the default)")
    transport.add_argument(
        "--socket", metavar="PATH", type=_absolute, help="wait for one client of the same user at a Unix socket"
    )
    transport.add_argument(
        "--tcp",
        metavar="HOST:PORT",
        type=_address,
        help="wait at a TCP port for the client that presents the token; port 0: at any free one",
    )
    parser.add_argument(
        "--token-file", metavar="PATH", type=_absolute, help="with --tcp: write the token there (default: to stderr)"
    )
    parser.add_argument("--log-file", metavar="PATH", help="write the log there (default: to stderr)")
    chosen = parser.parse_args(arguments)
    if chosen.token_file and not chosen.tcp:
        parser.error("--token-file is for --tcp")
    try:
        _begin_log(chosen.log_file)
    except OSError as error:
        parser.error(f"{chosen.log_file}: {error.strerror}")
    session = Session(chosen.log_file)
    server = create_server(session, is_remote=bool(chosen.tcp))
    try:
        asyncio.run(_serve(server, session, _channels(chosen)))
    except OSError as error:
        # Only a failure to listen raises OSError here.
        print(f"{NAME}: {printable(error.strerror or str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    finally:
        # Killing them is safe: unfinished work of theirs is not published, and published work is complete.
        for child in multiprocessing.active_children():
            child.kill()
    return session.exit_code or 0


async def _serve(server: Server, session: Session, channels: AbstractAsyncContextManager[Channel]) -> None:
    from esmcache_lsp.server import serve

    try:
        await serve(server, channels)
    finally:
        # Tasks can be cancelled only while the event loop runs.
        session.end()


def _channels(chosen: argparse.Namespace) -> AbstractAsyncContextManager[Channel]:
    from esmcache_lsp.admission import Token
    from esmcache_lsp.listening import tcp, unix_socket
    from esmcache_lsp.transport import stdio

    if chosen.socket:
        return unix_socket(chosen.socket, _announced)
    if chosen.tcp:
        token = Token()
        return tcp(chosen.tcp, token, lambda addresses: _announced_with_token(addresses, token, chosen.token_file))
    return stdio()


@contextmanager
def _announced(where: str) -> Iterator[None]:
    # A client that asked for a free port (port 0) reads the port here.
    print(f"esmcache-lsp: listening on {where}", file=sys.stderr, flush=True)
    yield


@contextmanager
def _announced_with_token(addresses: str, token: Token, path: Path | None) -> Iterator[None]:
    from esmcache_lsp.listening import token_file

    # The token file is written first, so that it exists when a client reads the address.
    with nullcontext() if path is None else token_file(path, token), _announced(addresses):
        if path is None:
            print(f"esmcache-lsp: token {token.text}", file=sys.stderr, flush=True)
        yield


def _absolute(text: str) -> Path:
    return Path(text).absolute()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


class _Formatter(logging.Formatter):
    """Format log messages so that names and texts of files in them cannot control a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        from esmcache.wording import printable

        record.message = printable(record.message)
        return super().formatMessage(record)


def _begin_log(path: str | None) -> None:
    handler = logging.StreamHandler(sys.stderr) if path is None else logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("esmcache_lsp").setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
