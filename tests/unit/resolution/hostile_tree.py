"""A tree of packages at the limits of the resolution rules, and questions about it.

Each question is asked of Node and of our resolver, both as an `import` and as a `require`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXPORTS: dict[str, Any] = {
    "string": "./a.js",
    "string-bare": "a.js",
    "string-empty": "",
    "string-up": "../a.js",
    "string-absent": "./absent.js",
    "string-directory": "./sub",
    "string-slash": "./sub/",
    "string-nm": "./node_modules/x.js",
    "string-nm-encoded": "./n%6fde_modules/x.js",
    "string-dots": "./sub/../a.js",
    "string-dots-encoded": "./sub/%2e%2E/a.js",
    "string-double-slash": ".//a.js",
    "string-encoded": "./%61.js",
    "string-encoded-slash": "./sub%2fa.js",
    "string-encoded-bad": "./%ff.js",
    "string-query": "./a.js?q#h",
    "string-url": "file:///a.js",
    "string-backslash": ".\\a.js",
    "string-space": "./with space.js",
    "null": None,
    "false": False,
    "number": 7,
    "empty-object": {},
    "empty-array": [],
    "array-first-invalid": ["bare", "./a.js"],
    "array-all-invalid": ["bare", "other", 3],
    "array-null": [None, "./a.js"],
    "array-only-null": [None],
    "array-null-after-invalid": ["bare", None],
    "array-invalid-after-null": [None, "bare"],
    "array-absent-first": ["./absent.js", "./a.js"],
    "array-conditions": [{"absent": "./b.js"}, {"default": "./a.js"}],
    "array-no-condition": [{"absent": "./b.js"}],
    "array-nested": [[["./a.js"]]],
    "main-number": {".": 5},
    "main-float": {".": 1.5},
    "main-large": {".": 1e21},
    "main-true": {".": True},
    "main-null": {".": None},
    "conditions": {"import": "./a.mjs", "require": "./a.cjs"},
    "conditions-order": {"default": "./a.js", "import": "./a.mjs", "require": "./a.cjs"},
    "conditions-node": {"node": "./a.js", "default": "./b.js"},
    "conditions-sync": {"module-sync": "./a.mjs", "default": "./b.js"},
    "conditions-addons": {"node-addons": "./a.js", "default": "./b.js"},
    "conditions-user": {"special": "./a.js", "default": "./b.js"},
    "conditions-none": {"absent": "./a.js"},
    "conditions-null": {"import": None, "default": "./a.js"},
    "conditions-nested": {
        "node": {"import": {"absent": "./b.js"}, "require": "./a.cjs"},
        "default": "./a.js",
    },
    "conditions-numeric": {"0": "./a.js", "default": "./b.js"},
    "conditions-mixed": {".": "./a.js", "import": "./b.js"},
    "conditions-mixed-late": {"import": "./b.js", "./x": "./a.js"},
    "conditions-empty-key": {"": "./a.js"},
    "subpaths": {
        ".": "./a.js",
        "./x": "./b.js",
        "./x/": "./sub/",
        "./deep/*": "./sub/*",
        "./deep/*.js": "./sub/*.js",
        "./deep/private/*": None,
        "./ext/*.ext": "./sub/*",
        "./two/*/*": "./sub/*",
        "./multi/*": "./sub/*/*",
        "./array/*": ["bare*", "./sub/*"],
        "./number": {"0": "./a.js"},
        "./*": "./*.js",
        "./*.json": "./*.json",
        "./feature-*": "./a.js",
        "./feature-x*": "./b.js",
        "./feature-*-y": "./a.mjs",
        "./star": "./sub/*",
        "./absent": "./absent.js",
        "./query": "./a.js?x=1",
        "./cond/*": {"import": "./sub/*", "default": None},
    },
    "no-main": {"./x": "./a.js"},
    "proto": {"__proto__": "./a.js", ".": "./a.js"},
    "constructor": {".": {"constructor": "./b.js", "default": "./a.js"}},
}

SUBPATHS = [
    "/x", "/x/", "/x/a.js", "/deep/a", "/deep/a.js", "/deep/private/a.js", "/deep/../a.js",
    "/deep/node_modules/a",
    "/deep/%2e%2e/a.js", "/deep/", "/deep/a.js/", "/deep//a.js", "/ext/a.js.ext", "/ext/.ext", "/two/a/b",
    "/multi/a.js",
    "/array/a.js", "/number", "/a", "/a.js", "/package.json", "/feature-", "/feature-x", "/feature-xx",
    "/feature-x-y",
    "/star", "/absent", "/query", "/cond/a.js", "/", "/*", "/deep/*", "/deep/a.js?q", "/deep/a.js#h",
    "/deep/a%20b.js",
    "/deep/a b.js", "/deep/é.js", "/deep/a%2fb.js", "/sub/a", "/constructor", "/__proto__", "/toString",
    "//x", "/deep/\\a.js",
]  # fmt: skip

IMPORTS: dict[str, Any] = {
    "#string": "./a.js",
    "#bare": "string",
    "#bare-subpath": "subpaths/x",
    "#bare-absent": "absent-package",
    "#scoped": "@scope/plain",
    "#builtin": "fs",
    "#builtin-scheme": "node:fs",
    "#url": "https://example.org/a.js",
    "#file": "file:///a.js",
    "#absolute": "/a.js",
    "#up": "../a.js",
    "#null": None,
    "#number": 3,
    "#self": "#string",
    "#array": ["../x", "./a.js"],
    "#array-bare": ["absent-package", "./a.js"],
    "#conditions": {"import": "./a.mjs", "require": "./a.cjs"},
    "#conditions-none": {"absent": "./a.js"},
    "#numeric": {"1": "./a.js"},
    "#pattern/*": "./sub/*",
    "#pattern/*.js": "./sub/*.js",
    "#pattern/private/*": None,
    "#packages/*": "*",
    "#packages/sub/*": "subpaths/*",
    "#absent-file": "./absent.js",
    "#directory": "./sub",
    "#nm": "./node_modules/a.js",
    "#slash/": "./sub/",
    "#/rooted": "./a.js",
    "#/tree/*": "./sub/*",
    "string": "./a.js",
    "#": "./a.js",
}

IMPORT_NAMES = [
    *IMPORTS, "#absent", "#pattern/a.js", "#pattern/a", "#pattern/private/a.js", "#pattern/../a.js",
    "#packages/string",
    "#packages/sub/x", "#packages/fs", "#packages/@scope/plain", "#slash/a.js", "#/", "#/tree/a.js",
    "#pattern/", "#pattern",
    "#pattern/*", "#packages/absent", "#packages/.x",
]  # fmt: skip

MAINS: dict[str, Any] = {
    "exact": "./a.js",
    "no-extension": "./a",
    "no-dot": "a.js",
    "directory": "./sub",
    "directory-slash": "./sub/",
    "absent": "./absent",
    "empty": "",
    "dot": ".",
    "up": "../string/a.js",
    "json": "./data",
    "addon": "./native",
    "number": 4,
    "encoded": "./%61.js",
    "query": "./a.js?x",
    "directory-and-file": "./both",
    "nested-package": "./nested",
}

BROKEN: dict[str, bytes] = {
    "empty": b"",
    "space": b" \n",
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "trailing-comma": b'{"main":"./a.js",}',
    "garbage": b'{"main":"./a.js","x": nonsense}',
    "garbage-two": b'{"main":"./a.js","x": non sense}',
    "two-objects": b'{"main":"./a.js"} {}',
    "tail": b'{"main":"./a.js"} x',
    "tail-brace": b'{"main":"./a.js"}}',
    "unclosed": b'{"main":"./a.js"',
    "unclosed-inner": b'{"main":"./a.js","x":{"y":1}',
    "unclosed-string": b'{"main":"./a.js","x":"a}',
    "bom": b'\xef\xbb\xbf{"main":"./a.js"}',
    "two-boms": b'\xef\xbb\xbf\xef\xbb\xbf{"main":"./a.js"}',
    "latin-1": b'{"main":"./a.js","x":"\xff"}',
    "surrogate-bytes": b'{"main":"./a.js","x":"\xed\xa0\x80"}',
    "control": b'{"main":"./a.js","x":"\x01"}',
    "tab-in-string": b'{"main":"./a.js","x":"a\tb"}',
    "control-outside": b'{"x":\x01,"main":"./a.js"}',
    "nul": b'{"main":"./a.js"}\0',
    "nul-first": b'\0{"main":"./a.js"}',
    "vertical-tab": b'\x0b{"main":"./a.js"}',
    "main-twice": b'{"main":"./absent.js","main":"./a.js"}',
    "main-then-number": b'{"main":"./a.js","main":5}',
    "main-surrogate": b'{"main":"./a\\ud800.js"}',
    "main-escaped": b'{"main":"./\\u0061.js"}',
    "main-bad-escape": b'{"main":"./a\\q.js"}',
    "key-escaped": b'{"\\u006dain":"./a.js"}',
    "name-number": b'{"name":5,"main":"./a.js"}',
    "name-null": b'{"name":null,"main":"./a.js"}',
    "name-surrogate": b'{"name":"\\ud800","main":"./a.js"}',
    "type-number": b'{"type":5,"main":"./a.js"}',
    "type-null": b'{"type":null,"main":"./a.js"}',
    "type-unknown": b'{"type":"esm","main":"./a.js"}',
    "type-twice": b'{"type":"module","type":"commonjs","main":"./a.js"}',
    "type-then-unknown": b'{"type":"module","type":"x","main":"./a.js"}',
    "exports-no-json": b'{"exports":xyz,"main":"./a.js"}',
    "exports-nope": b'{"exports":nope,"main":"./a.js"}',
    "exports-bad-inside": b'{"exports":{"a":nope},"main":"./a.js"}',
    "exports-comma-inside": b'{"exports":{"a":"./a.js",},"main":"./a.js"}',
    "exports-object-text": b'{"exports":"{\\"a\\"","main":"./a.js"}',
    "exports-array-text": b'{"exports":"[1]","main":"./a.js"}',
    "exports-surrogate": b'{"exports":"./a\\ud800.js","main":"./a.js"}',
    "exports-then-number": b'{"exports":"./a.js","exports":5}',
    "exports-twice": b'{"exports":"./absent.js","exports":{".":"./a.js"}}',
    "imports-no-json": b'{"imports":xyz,"main":"./a.js"}',
    "scripts-no-json": b'{"scripts":xyz,"main":"./a.js"}',
    "no-colon": b'{"main" "./a.js"}',
    "no-comma": b'{"main":"./a.js" "x":1}',
    "number-key": b'{5:1,"main":"./a.js"}',
    "comment": b'{/*x*/"main":"./a.js"}',
    "comment-late": b'{"main":"./a.js"/*x*/}',
    "brackets-crossed": b'{"x":[},"main":"./a.js"}',
    "brackets-crossed-late": b'{"main":"./a.js","x":[}',
    "value-missing": b'{"x":,"main":"./a.js"}',
    "value-missing-late": b'{"main":"./a.js","x":}',
    "comma-first": b'{,"main":"./a.js"}',
    "leading-zeros": b'{"x":0012,"main":"./a.js"}',
    "nan": b'{"x":NaN,"main":"./a.js"}',
    "quotes-single": b"{'main':'./a.js'}",
    "deep": b'{"x":' + b"[" * 5000 + b"]" * 5000 + b',"main":"./a.js"}',
    "long-number": b'{"x":' + b"1" * 5000 + b',"main":"./a.js"}',
}

PACKAGE_FILES = [
    "a.js",
    "b.js",
    "a.mjs",
    "a.cjs",
    "sub/a.js",
    "sub/a b.js",
    "sub/é.js",
    "sub/index.js",
    "with space.js",
]

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


class HostileTree:
    """The tree under `root`; `questions` are (referrer path, specifier)."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._modules = "app/node_modules"
        self._build()

    def write(self, path: str, content: bytes | str | Any = b"") -> None:
        """Write a file below the root; content that is not a string is written as JSON."""
        if not isinstance(content, bytes | str):
            content = json.dumps(content)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def link(self, path: str, text: str) -> None:
        """Make a symbolic link below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(text)

    def questions(self) -> Iterator[tuple[str, str]]:
        """Yield (referrer, specifier) with referrers relative to the root."""
        for specifier in SPECIFIERS:
            yield "app/main.mjs", specifier
        yield from self._questions_about_packages()
        yield from self._questions_about_files()
        yield from self._questions_from_elsewhere()

    def _questions_about_packages(self) -> Iterator[tuple[str, str]]:
        app = "app/main.mjs"
        for name in EXPORTS:
            yield app, name
        for subpath in SUBPATHS:
            yield app, "subpaths" + subpath
            yield "app/node_modules/subpaths/sub/a.js", "subpaths" + subpath
        for name in ("string", "conditions", "string-absent", "no-main", "null"):
            yield f"app/node_modules/{name}/a.js", name
            yield f"app/node_modules/{name}/a.js", name + "/x"
        for name in IMPORT_NAMES:
            yield "app/imports/sub/a.mjs", name
        for name in ("string", "array", "null", "number", "text", "bad", "broken"):
            yield f"app/imports-{name}/a.mjs", "#a"
        for name in MAINS:
            yield app, "main-" + name
            yield app, f"./node_modules/main-{name}"
        for name in BROKEN:
            yield app, "broken-" + name
            yield app, f"./node_modules/broken-{name}/a.js"
            yield f"app/node_modules/broken-{name}/a.js", "plain"

    def _questions_about_files(self) -> Iterator[tuple[str, str]]:
        app = "app/main.mjs"
        for name in ODD_NAMES:
            yield app, "./odd/" + name
            yield app, "./odd/" + "".join(f"%{byte:02X}" for byte in name.encode())
        for kind in ("module", "commonjs", "typeless"):
            for name in EXTENSIONS:
                yield app, f"./formats/{kind}/{name}"

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

    def _package(self, name: str, package_json: Any) -> None:
        for file in PACKAGE_FILES:
            self.write(f"{self._modules}/{name}/{file}")
        if package_json is not None:
            self.write(f"{self._modules}/{name}/package.json", package_json)

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
        self._build_packages()
        self._build_imports()
        self._build_odd_files()
        self._build_links()

    def _build_packages(self) -> None:
        for name, exports in EXPORTS.items():
            self._package(name, {"name": name, "main": "./b.js", "exports": exports})
        for name, main in MAINS.items():
            self._package("main-" + name, {"main": main})
            for path in ("data.json", "native.node", "both", "both.js", "nested/index.js", "index.json"):
                self.write(f"{self._modules}/main-{name}/{path}")
            self.write(f"{self._modules}/main-{name}/nested/package.json", {"main": "./other"})
            self.write(f"{self._modules}/main-{name}/nested/other.js")
        for name, content in BROKEN.items():
            self._package("broken-" + name, content)
            self.write(f"{self._modules}/broken-{name}/index.js")
        self._package("plain", {"name": "plain", "main": "a"})
        self._package("@scope/plain", {"name": "@scope/plain", "main": "a.js"})
        self._package("é", {"main": "a.js"})
        self._package("tilde~name", {"main": "a.js"})
        self._package("fs", {"main": "a.js"})
        self._package("process", {"main": "a.js"})
        self._package("no-json", None)
        self.write(f"{self._modules}/no-json/x.js")
        self.write(f"{self._modules}/json-directory/package.json/x")
        self.write(f"{self._modules}/json-directory/index.js")
        self.write(f"{self._modules}/file-package")
        self._package("shadowed", {"main": "a.js"})
        self._package("nested-shadow", {"main": "a.js"})
        self.write("app/deep/node_modules/shadowed/index.js")
        self.write("app/deep/er/node_modules/nested-shadow", "a file, no directory")
        self.write("app/deep/er/main.mjs")
        self.write("app/node_modules/plain/node_modules/nested-shadow/index.js")

    def _build_imports(self) -> None:
        self.write("app/imports/package.json", {"name": "imports", "imports": IMPORTS})
        for file in (*PACKAGE_FILES, "sub/a.mjs"):
            self.write("app/imports/" + file)
        texts = {
            "string": '"./a.js"',
            "array": '["./a.js"]',
            "null": "null",
            "number": "5",
            "text": '"{"',
            "bad": '{"#a":x}',
        }
        for name, text in texts.items():
            self.write(f"app/imports-{name}/package.json", f'{{"imports":{text}}}')
        self.write("app/imports-broken/package.json", "{")

    def _build_odd_files(self) -> None:
        for path in ("é dir/#%41/main.mjs", "é dir/#%41/a.js"):
            self.write("app/" + path)
        for name in ODD_NAMES:
            self.write("app/odd/" + name)
        for kind, package in (
            ("module", {"type": "module"}),
            ("commonjs", {"type": "commonjs"}),
            ("typeless", {}),
        ):
            self.write(f"app/formats/{kind}/package.json", package)
            for name in EXTENSIONS:
                self.write(f"app/formats/{kind}/{name}", b"\0asm" if name.startswith("wasm") else b"{}")

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
        self.link(f"{self._modules}/linked", ".pnpm/linked@1/node_modules/linked")
        self.link(f"{self._modules}/linked-exports", "string")
        self.link(f"{self._modules}/dangling", "absent-target")
        self.link(f"{self._modules}/loop", "loop")
        self.write("outside/a.js")
        self.write("outside/package.json", {"type": "module", "main": "a.js"})
        self.link(f"{self._modules}/outside", str(self.root / "outside"))
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
