"""Modules that are large or deep in different ways."""

from __future__ import annotations

from collections.abc import Iterator


def large_cases() -> Iterator[tuple[str, bytes]]:
    """Yield each module's name and text."""
    names = [f"name{number}" for number in range(100_000)]
    yield "100,000 declarations", "".join(f"export const {name} = 1;\n" for name in names).encode()
    yield "100,000 names", f"let {', '.join(names)}; export {{{', '.join(names)}}};".encode()
    yield "100,000 indirect names", f"export {{{', '.join(names)}}} from 'm';".encode()
    yield "10,000 requests", "".join(f"import * as {name} from '{name}';\n" for name in names[:10_000]).encode()
    lines = b"{ let x = () => ({a: [1, 2, 3], b: 'text', c: /re/g}); x(); }\n" * 64_000
    yield "4 MB", b"import 'm';\n" + lines + b"export default 1;\n"
    # `[` is left out, since JavaScriptCore reads each one twice, first as a pattern.
    for opening, closing in (("(", ")"), ("{", "}"), ("() => {", "}"), ("`${", "}`"), ("x => ", "")):
        middle = "" if opening == "{" else "1"
        yield f"10,000 of {opening}", f"import 'm'; {opening * 10_000}{middle}{closing * 10_000}".encode()
