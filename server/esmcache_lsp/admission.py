"""The rule for who may use a listening server: a client with the token, or a process of the same user."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from esmcache_lsp.settings import token_in

_REFUSED = -32600
# struct ucred of Linux: pid, uid, gid.
_CREDENTIALS = struct.Struct("3i")
# The user id that Linux reports for a user without a mapping in this user namespace. It can be any user.
_UNMAPPED = 65534


@dataclass(frozen=True, slots=True)
class Token:
    """A random secret that a client must present in the first message, which is `initialize`."""

    text: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def refusal(self, body: bytes) -> bytes | None:
        """Return the error response to a first message without the token, or None if it presents the token."""
        message = _json(body)
        params = message.get("params")
        presented = token_in(params.get("initializationOptions")) if isinstance(params, dict) else None
        if message.get("method") == "initialize" and presented is not None and self._is(presented):
            return None
        why = "initialize must come first, with the token of this server in initializationOptions.token"
        msg_id = message.get("id")
        error = {"code": _REFUSED, "message": f"esmcache-lsp: {why}"}
        answer = {"jsonrpc": "2.0", "id": msg_id if isinstance(msg_id, int | str) else None, "error": error}
        return json.dumps(answer).encode()

    def _is(self, presented: str) -> bool:
        return hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), self.text.encode())


def is_same_user(connection: socket.socket) -> bool:
    """Return whether the peer of a Unix socket is a process of this user."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return bool(uid == os.geteuid() != _UNMAPPED)


def _json(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
