"""Programs with problems for `esmcache doctor`: their files, what it says of them, and what Node says."""

from __future__ import annotations

MODULE = '{"type": "module"}'
NO_STRIPPING = "Node strips no types below node_modules"
DEP = {
    "node_modules/dep/package.json": '{"name": "dep", "type": "module", "exports": "./index.ts"}',
    "node_modules/dep/index.ts": "export default 1 as number;",
}
# Each case: files besides package.json, the lines about the program, and what Node itself says of it.
CASES: dict[str, tuple[dict[str, str], list[str], str]] = {
    "enum": (
        {"app.ts": "const a = 1;\n/* \U0001f600 */ enum E { A }\n"},
        ["app.ts:2:10: TypeScript enum is not supported in strip-only mode"],
        "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX",
    ),
    "import =": (
        {"app.ts": "\ufeffimport a = require('./a');\n", "a.ts": ""},
        [
            "app.ts:1:1: TypeScript import equals declaration is not supported in strip-only mode",
            "app.ts:1:20: MODULE_NOT_FOUND: Cannot find module './a'; did you mean \"./a.ts\"?",
        ],
        "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX",
    ),
    "the parser crashes": (
        {
            "app.ts": "import './deep.ts';\nimport './enum.ts';\n",
            "deep.ts": f"const a: number = {'(' * 20_000}1{')' * 20_000};\n",
            "enum.ts": "enum E { A }\n",
        },
        [
            "deep.ts: Node's own parser of TypeScript crashes on this text (memory access out of bounds)",
            "enum.ts:1:1: TypeScript enum is not supported in strip-only mode",
        ],
        "ERR_INTERNAL_ASSERTION",
    ),
    "invalid syntax": (
        {"app.ts": "import './gone.ts';\nconst a: = 1;\n"},
        ["app.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find module '{root}/gone.ts'", "app.ts:2:10: Unexpected token `=`."],
        "ERR_INVALID_TYPESCRIPT_SYNTAX",
    ),
    "a decorator": (
        {"app.ts": "import './a';\ndeclare const d: any;\n@d class A {}\n", "a.ts": ""},
        [
            "app.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find module '{root}/a'; did you mean \"./a.ts\"?",
            "app.ts:3:1: Invalid or unexpected token",
        ],
        "SyntaxError: Invalid or unexpected token",
    ),
    "a type among values": (
        {"app.ts": "import { v, T } from './t.ts';\n", "t.ts": "export type T = 1;\nexport const v: T = 1;\n"},
        [
            "app.ts:1:13: t.ts has no export named 'T', only a type of this name, and Node strips types; write `type` "
            "before its name"
        ],
        "does not provide an export named 'T'",
    ),
    "a type behind a missing extension": (
        {"app.ts": "import { T } from './t';\n", "t.ts": "export type T = 1;\n"},
        [
            "app.ts:1:10: t.ts has no export named 'T', only a type of this name, and Node strips types; write `type` "
            "before its name",
            "app.ts:1:19: ERR_MODULE_NOT_FOUND: Cannot find module '{root}/t'; did you mean \"./t.ts\"?",
        ],
        "ERR_MODULE_NOT_FOUND",
    ),
    "a type behind export *, and a name that is no type": (
        {
            "app.ts": "import { T, U } from './all.ts';\n",
            "all.ts": "export * from './t.ts';\n",
            "t.ts": "export interface T { U: 1 }\n",
        },
        [
            "app.ts:1:10: all.ts has no export named 'T', only a type of this name, and Node strips types; write "
            "`type` before its name",
            "app.ts:1:13: all.ts has no export named 'U'",
        ],
        "does not provide an export named 'T'",
    ),
    "TypeScript below node_modules": (
        {"app.ts": "import dep from 'dep';\n", **DEP},
        [
            "app.ts:1:17: ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: 'dep' is {root}/node_modules/dep/index.ts: "
            + NO_STRIPPING
        ],
        "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
    ),
    "TSX": (
        {"app.ts": "import './view.tsx';\n", "view.tsx": ""},
        ['app.ts:1:8: ERR_UNKNOWN_FILE_EXTENSION: Unknown file extension ".tsx" for {root}/view.tsx'],
        "ERR_UNKNOWN_FILE_EXTENSION",
    ),
    "JSON without its type": (
        {"app.ts": "import data from './d.json';\n", "d.json": "{}"},
        [
            'app.ts:1:18: ERR_IMPORT_ATTRIBUTE_MISSING: Module "file://{root}/d.json" needs an import attribute of '
            '"type: json"'
        ],
        "ERR_IMPORT_ATTRIBUTE_MISSING",
    ),
    "an alias of tsconfig.json": (
        {
            "app.ts": "import '@/a';\n",
            "src/a.ts": "",
            "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"],}}} // TypeScript allows this',
        },
        [
            "app.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find package '@/a'; the path \"@/*\" of tsconfig.json matches it,"
            ' but Node does not read tsconfig.json; did you mean "./src/a.ts"?'
        ],
        "ERR_MODULE_NOT_FOUND",
    ),
    "a broken tsconfig.json": (
        {"app.ts": "import '@/a';\n", "tsconfig.json": '{"compilerOptions": '},
        ["app.ts:1:8: ERR_MODULE_NOT_FOUND: Cannot find package '@/a'"],
        "ERR_MODULE_NOT_FOUND",
    ),
    "an ES module in CommonJS": (
        {"app.cts": "import a from './a';\n", "a.ts": ""},
        [
            "app.cts:1:1: Cannot use import statement outside a module",
            "app.cts:1:15: ERR_MODULE_NOT_FOUND: Cannot find module '{root}/a'; did you mean \"./a.ts\"?",
        ],
        "Cannot use import statement outside a module",
    ),
    "require without an extension": (
        {"app.cts": "const a: number = require('./a');\n", "a.ts": ""},
        ["app.cts:1:27: MODULE_NOT_FOUND: Cannot find module './a'; did you mean \"./a.ts\"?"],
        "MODULE_NOT_FOUND",
    ),
    "an entry point that is absent": ({}, ["app.ts: no such file or directory"], "MODULE_NOT_FOUND"),
    "an entry point below node_modules": (
        {"node_modules/dep/app.ts": "const a: number = 1;"},
        ["node_modules/dep/app.ts: ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: " + NO_STRIPPING],
        "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
    ),
}
# Files that Node cannot strip or cannot even read, and of which every request is looked at, with its place.
REFUSED = {
    "enum": "export enum E { A }\n",
    "namespace": "namespace N { export const n = 1; }\n",
    "parameter property": "class A { constructor(private readonly a: string) {} }\n",
    "import =": "import fs = require('node:fs');\n",
    "assertion": "const x = <string>'';\n",
    "several": "enum E { A }\nenum F { B }\nexport = 1;\n",
    "invalid syntax": "const a: = 1;\n",
}
