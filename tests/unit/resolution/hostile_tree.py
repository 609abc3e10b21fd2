"""A tree of packages at the limits of the resolution rules, and questions about it.

Each question is asked of Node and of our resolver, both as an `import` and as a `require`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from unit.resolution.hostile_exports import make_exports, make_imports, questions_about_exports
from unit.resolution.hostile_names import make_odd_files, questions_about_names
from unit.resolution.hostile_package_json import make_mains_and_broken_files, questions_about_package_json
from unit.resolution.package_tree import MODULES, PackageTree

SPECIFIERS = [
    "", ".", "..", "./", "../", "./.", "./..", "...", "..x", ".x", "/", "//", "///", "./a.mjs", "./a.mjs/",
    "./a.mjs/.", "./a",
    "./absent", "./absent/", "./absent.js?x", "./sub", "./sub/", "./sub/index", "./sub/./index.js",
    "./sub/../a.mjs",
    "./sub//index.js", ".//a.mjs", "./a.mjs?q", "./a.mjs#h", "./a.mjs?q#h", "./a.mjs?", "./a.mjs#",
    "./a.mjs?a b", "./a.mjs?é#é",
    "./a%2emjs", "./%2e/a.mjs", "./%2E%2e/x", "./a%2fb", "./a%2Fb", "./a%5cb", ".\\a.mjs",
    "./sub\\index.js", "./%ff", "./%", "./%zz",
    "./a.mjs%00", "./a.mjs\0", "./\ta.mjs", "./a.\nmjs", " ./a.mjs", "./a.mjs ", "./\udead",
    "./\U0001f600", "\udead", "@", "@x", "@x/",
    "@/y", "@x/y/", "@scope", "@scope/", "@scope/plain", "@scope/plain/", "@scope/plain/a.js",
    "@scope/absent", "@scope/absent/x",
    "a\\b", "a%b", "a%20b", "foo?x", "foo#x", "string?x", "string#x", "plain?x", "plain/a.js?x",
    "plain/a.js#h", "plain/absent.js",
    "plain/sub", "plain/sub/", "plain/a", "plain//a.js", "plain/../plain/a.js", "plain/./a.js",
    "plain/%61.js", "plain/with space.js",
    "plain/with%20space.js", "plain/", "plain", "plain/package.json", "absent", "absent/x", "no-json",
    "no-json/x.js", "no-json/x",
    "json-directory", "file-package", "file-package/x", "fs", "fs/promises", "fs/", "fs/absent", "node:fs",
    "node:absent", "node:",
    "node:fs?x", "node:test", "test", "sys", "_stream_wrap", "node:_stream_wrap", "node:sea", "sqlite",
    "node:sqlite", "node:quic",
    "node:ffi", "buffer", "buffer/", "shadowed", "nested-shadow", "process", "process/", "punycode",
    "file:a.mjs", "file://host/a",
    "file://localhost/absent", "file:", "file:///", "FILE:///absent",   "http:", "https://",
    "constructor",
    "__proto__", "node_modules", "./node_modules", "./node_modules/plain", "./node_modules/plain/", "é",
    "é/a.js", "tilde~name",
    "abcdefghijkl?x", "x" * 300, "./" + "y" * 300, "./" + "z/" * 2500 + "a.js", "~/x", "$/x", "*",
    "plain/*", "#", "#x",
    "linked", "linked/a.js", "linked-exports", "dangling", "loop", "outside", "outside/a.js",
    "./link-file.js", "./link-dir/a.js",
    "./link-dir", "./link-loop", "./link-loop/a.js", "./link-dangling.js", "./link-chain.js",
    "./link-up/a.mjs", "./link-absolute.js",
    "./link-inner/a.js", "./link-slash", "./link-slash/index.js", "./link-file-slash", "./link-deep",
    "./link-odd.js", "./fifo",
    "./sub.js", "./both", "./both/", "./both/.", "./both/..", "./nested", "./package", "./package.json",
    "./data", "./data.json",
    "./native", "./index", "odd_node_modules/x", "./x_node_modules/a.js", "./module/node_modules/a.js",
    "./module/a.js", "./module/deep/a.js",
]  # fmt: skip


class HostileTree(PackageTree):
    """The tree under `root`; `questions` are (referrer path, specifier)."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._build()

    def questions(self) -> Iterator[tuple[str, str]]:
        """Yield (referrer, specifier) with referrers relative to the root."""
        for specifier in SPECIFIERS:
            yield "app/main.mjs", specifier
        yield from questions_about_exports()
        yield from questions_about_package_json()
        yield from questions_about_names()
        yield from self._questions_from_elsewhere()

    def _questions_from_elsewhere(self) -> Iterator[tuple[str, str]]:
        for referrer in (
            "app/é dir/#%41/main.mjs",
            "app/deep/er/main.mjs",
            "app/node_modules/plain/sub/a.js",
        ):
            for specifier in (
                "./a.js",
                "../a.js",
                "plain",
                "shadowed",
                "nested-shadow",
                "@scope/plain",
                "absent",
                "#x",
                "./main.mjs",
            ):
                yield referrer, specifier
        for specifier in ("dep", "plain", "private", "@scope/plain"):
            yield "app/node_modules/.pnpm/linked@1/node_modules/linked/a.js", specifier
            yield "app/main.mjs", specifier

    def _build(self) -> None:
        self.write("app/main.mjs")
        self.write("app/a.mjs")
        self.write("app/a.js")
        self.write("app/package.json", {"name": "app"})
        for path in (
            "sub/index.js",
            "sub.js",
            "both.js",
            "both/index.js",
            "data.json",
            "native.node",
            "x_node_modules/a.js",
        ):
            self.write("app/" + path)
        self.write("app/nested/package.json", {"main": "lib"})
        self.write("app/nested/lib.json", {})
        self.write("app/module/package.json", {"type": "module"})
        for path in ("module/a.js", "module/deep/a.js", "module/node_modules/a.js"):
            self.write("app/" + path)
        make_exports(self)
        make_mains_and_broken_files(self)
        self._build_packages()
        make_imports(self)
        make_odd_files(self)
        self._build_links()

    def _build_packages(self) -> None:
        self.package("plain", {"name": "plain", "main": "a"})
        self.package("@scope/plain", {"name": "@scope/plain", "main": "a.js"})
        self.package("é", {"main": "a.js"})
        self.package("tilde~name", {"main": "a.js"})
        self.package("fs", {"main": "a.js"})
        self.package("process", {"main": "a.js"})
        self.package("no-json", None)
        self.write(f"{MODULES}/no-json/x.js")
        self.write(f"{MODULES}/json-directory/package.json/x")
        self.write(f"{MODULES}/json-directory/index.js")
        self.write(f"{MODULES}/file-package")
        self.package("shadowed", {"main": "a.js"})
        self.package("nested-shadow", {"main": "a.js"})
        self.write("app/deep/node_modules/shadowed/index.js")
        self.write("app/deep/er/node_modules/nested-shadow", "a file, no directory")
        self.write("app/deep/er/main.mjs")
        self.write("app/node_modules/plain/node_modules/nested-shadow/index.js")

    def _build_links(self) -> None:
        store = "app/node_modules/.pnpm"
        for name in (
            "linked@1/node_modules/linked",
            "dep@1/node_modules/dep",
            "private@1/node_modules/private",
        ):
            self.write(f"{store}/{name}/package.json", {"main": "a.js"})
            self.write(f"{store}/{name}/a.js")
        self.link(f"{store}/linked@1/node_modules/dep", "../../dep@1/node_modules/dep")
        self.link(f"{MODULES}/linked", ".pnpm/linked@1/node_modules/linked")
        self.link(f"{MODULES}/linked-exports", "string")
        self.link(f"{MODULES}/dangling", "absent-target")
        self.link(f"{MODULES}/loop", "loop")
        self.write("outside/a.js")
        self.write("outside/package.json", {"type": "module", "main": "a.js"})
        self.link(f"{MODULES}/outside", str(self.root / "outside"))
        self.link("app/link-file.js", "a.js")
        self.link("app/link-dir", "../outside")
        self.link("app/link-loop", "./link-loop")
        self.link("app/link-dangling.js", "absent.js")
        self.link("app/link-chain.js", "link-file.js")
        self.link("app/link-up", "..//app/.")
        self.link("app/link-absolute.js", str(self.root / "outside/a.js"))
        self.link("app/link-inner", "sub/../../outside")
        self.link("app/link-slash", "sub/")
        self.link("app/link-file-slash", "a.js/")
        self.link("app/link-odd.js", "odd/with space.js")
        for index in range(45):
            self.link(f"app/chain/{index}", str(index + 1))
        self.link("app/link-deep", "chain/0")
        self.write("app/chain/45")
