"""Packages whose `main` is odd, or whose package.json is broken, and questions about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unit.resolution.package_tree import MODULES, PackageTree

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


def make_mains_and_broken_files(tree: PackageTree) -> None:
    """Write a package for each `main` and for each broken package.json."""
    for name, main in MAINS.items():
        tree.package("main-" + name, {"main": main})
        for path in ("data.json", "native.node", "both", "both.js", "nested/index.js", "index.json"):
            tree.write(f"{MODULES}/main-{name}/{path}")
        tree.write(f"{MODULES}/main-{name}/nested/package.json", {"main": "./other"})
        tree.write(f"{MODULES}/main-{name}/nested/other.js")
    for name, content in BROKEN.items():
        tree.package("broken-" + name, content)
        tree.write(f"{MODULES}/broken-{name}/index.js")


def questions_about_package_json() -> Iterator[tuple[str, str]]:
    """Yield (referrer, specifier) for each package."""
    app = "app/main.mjs"
    for name in MAINS:
        yield app, "main-" + name
        yield app, f"./node_modules/main-{name}"
    for name in BROKEN:
        yield app, "broken-" + name
        yield app, f"./node_modules/broken-{name}/a.js"
        yield f"app/node_modules/broken-{name}/a.js", "plain"
