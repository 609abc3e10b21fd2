"""Files with odd names and with extensions that decide the format, and questions about them."""

from __future__ import annotations

from collections.abc import Iterator

from unit.resolution.package_tree import PackageTree

ODD_NAMES = [
    "with space.js", "with%20escape.js", "ha#sh.js", "quest?ion.js", "é.js", "ti~lde.js", "ca^ret.js",
    "pi|pe.js", "brace{}.js",
    "quo'te.js", 'dou"ble.js', "back\\slash.js", "tab\t.js", "new\nline.js", "bracket[1].js",
    "back`tick.js", "less<more>.js",
    "emoji😀.js", "del\x7f.js", "plus+.js", "at@.js", "percent%.js", "percent%zz.js", "dollar$.js",
    "amp&.js", ".dot.js", "..dots.js",
    "colon:.js", "semi;.js", "comma,.js", "equals=.js", "star*.js", "%41.js", "A.js", "trailing.",
    "trailing..js", " lead.js",
]  # fmt: skip

EXTENSIONS = [
    "x.js", "x.mjs", "x.cjs", "x.json", "x.node", "x.wasm", "x.ts", "x.mts", "x.cts", "x.css", "x", "x.",
    ".js", "x.js.txt",
    "x.JS", "x.d.ts", "x.tsx", "x.jsx", "wasm-content",
]  # fmt: skip


def make_odd_files(tree: PackageTree) -> None:
    """Write the files."""
    for path in ("é dir/#%41/main.mjs", "é dir/#%41/a.js"):
        tree.write("app/" + path)
    for name in ODD_NAMES:
        tree.write("app/odd/" + name)
    for kind, package in (
        ("module", {"type": "module"}),
        ("commonjs", {"type": "commonjs"}),
        ("typeless", {}),
    ):
        tree.write(f"app/formats/{kind}/package.json", package)
        for name in EXTENSIONS:
            tree.write(f"app/formats/{kind}/{name}", b"\0asm" if name.startswith("wasm") else b"{}")


def questions_about_names() -> Iterator[tuple[str, str]]:
    """Yield (referrer, specifier) for each file."""
    app = "app/main.mjs"
    for name in ODD_NAMES:
        yield app, "./odd/" + name
        yield app, "./odd/" + "".join(f"%{byte:02X}" for byte in name.encode())
    for kind in ("module", "commonjs", "typeless"):
        for name in EXTENSIONS:
            yield app, f"./formats/{kind}/{name}"
