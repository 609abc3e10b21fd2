"""Packages at the limits of the rules for `exports` and `imports`, and questions about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unit.resolution.package_tree import PACKAGE_FILES, PackageTree

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


def make_exports(tree: PackageTree) -> None:
    """Write a package for each value of `exports`."""
    for name, exports in EXPORTS.items():
        tree.package(name, {"name": name, "main": "./b.js", "exports": exports})


def make_imports(tree: PackageTree) -> None:
    """Write packages with `imports`."""
    tree.write("app/imports/package.json", {"name": "imports", "imports": IMPORTS})
    for file in (*PACKAGE_FILES, "sub/a.mjs"):
        tree.write("app/imports/" + file)
    texts = {
        "string": '"./a.js"',
        "array": '["./a.js"]',
        "null": "null",
        "number": "5",
        "text": '"{"',
        "bad": '{"#a":x}',
    }
    for name, text in texts.items():
        tree.write(f"app/imports-{name}/package.json", f'{{"imports":{text}}}')
    tree.write("app/imports-broken/package.json", "{")


def questions_about_exports() -> Iterator[tuple[str, str]]:
    """Yield (referrer, specifier) for exports, subpaths and imports."""
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
