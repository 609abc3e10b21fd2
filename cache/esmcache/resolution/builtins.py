"""The names of Node's built-in modules, per version; a test compares them with the binaries."""

from __future__ import annotations

NodeVersion = tuple[int, int, int]

_EVERYWHERE = frozenset(
    """
    _http_agent _http_client _http_common _http_incoming _http_outgoing _http_server _tls_common _tls_wrap
    assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram
    diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector
    inspector/promises module net os path path/posix path/win32 perf_hooks process punycode querystring
    readline readline/promises repl stream stream/consumers stream/promises stream/web string_decoder sys
    timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib
    """.split()  # noqa: SIM905 (names read better than quotes)
)
_STREAM_INTERNALS = frozenset(
    f"_stream_{name}" for name in ("duplex", "passthrough", "readable", "transform", "wrap", "writable")
)
_ONLY_WITH_SCHEME = frozenset(("sea", "sqlite", "test", "test/reporters"))


def builtin_names(node_version: NodeVersion) -> frozenset[str]:
    """Return the built-in modules that need no `node:`, such as `fs`."""
    return _EVERYWHERE if node_version >= (26, 0, 0) else _EVERYWHERE | _STREAM_INTERNALS


def scheme_only_names(node_version: NodeVersion) -> frozenset[str]:
    """Return the built-in modules that exist only with `node:`, such as `test` of `node:test`."""
    return _ONLY_WITH_SCHEME | {"ffi"} if node_version >= (26, 0, 0) else _ONLY_WITH_SCHEME
