"""Hand-written TypeScript: every place of a type, with types that are long, of several lines or not ASCII.

Node strips some of it and refuses the rest. This module expects nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

_TYPES = (
    "number",
    "é",
    "{ 'ü': `a${string}`, [key: string]: unknown }",
    "{\n  /** Δ " + "∪ many words " * 60 + "*/\n  é: 1\n}",
    "{\r\n  a: 'x';\u2028 b(): void\r\n}",
    "(a: X, ...b: Y[]) => asserts a is Z",
    "typeof import('n') | import('n', { with: { 'resolution-mode': 'import' } }).X<1>",
    "A<B<C>> extends infer D ? new () => D : [d: 1, e?: unique symbol]",
)
# `TYPE` stands for each of the types.
_PLACES = (
    "export const a: TYPE = 1",
    "export const a: TYPE\n= 1, b\n: TYPE = 2",
    "export let a: TYPE, b!: TYPE\nimport 'm'",
    "export let a: TYPE\nexport let b: TYPE\n[a, b]",
    "export const { a, b: [c] }: TYPE = x",
    "export function f<T extends TYPE = TYPE>(this: TYPE, a: TYPE, b?: TYPE): TYPE { return import('m') }",
    "export function f(a: TYPE): TYPE\nexport function f(a) {}",
    "export default function <T>(a: TYPE = 1): a is TYPE {}",
    "export default (a: TYPE): TYPE => import('m')",
    "export default async <T extends TYPE,>(a: T)\n: Promise<T> => await import('m')",
    "export default async (a: TYPE\n): TYPE\n=> a",
    "export default f<TYPE>(import('m'))",
    "export default new C<TYPE>, import.meta.url as TYPE",
    "export const a = f<TYPE>\n`b${import('m') as TYPE}`, b = 1",
    "export const a = (import('m') as TYPE) satisfies TYPE, b = a! as TYPE",
    "export const a = b as TYPE\n? import('m') : c, d = 1",
    "export const a = await import('m' as TYPE)",
    "await (import('m') as TYPE)\n;(import('n'))",
    "export class C<T = TYPE> extends D<TYPE> implements TYPE, E { a: TYPE = 1; declare b: TYPE; private c?: TYPE }",
    "export default class<T> { static readonly a: TYPE; [key: string]: TYPE; get b(): TYPE { return import('m') } }",
    "export default abstract class C { abstract a: TYPE; abstract b(c: TYPE): TYPE; protected override d!: TYPE }",
    "export class C { constructor(a: TYPE); constructor(a?: TYPE) {} static { let b: TYPE = import('m') } }",
    "class C { a: TYPE\n['b']: TYPE\n*c(): TYPE {}\nstatic d: TYPE }\nexport { C, type D }",
    "for (const a of b as TYPE) { let c: TYPE\n= import('m') }\nexport {}",
    "try { } catch (a: TYPE) { }\nexport var b: TYPE",
    "export default { b(c: TYPE): TYPE {}, get d(): TYPE { }, async *e<T>(): TYPE {}, f: <T,>(g: TYPE) => 1 }",
    "type X = TYPE\nexport type { X }; export { type X as Y, a }; const a = 1",
    "export type X<T extends TYPE> = TYPE\nimport 'm'",
    "export interface X<T> extends A<TYPE> { a: TYPE; (b: TYPE): TYPE; new (c: TYPE): TYPE }\nexport default a; let a",
    "export default interface X { a: TYPE }\nexport const a = 1",
    "export declare const a: TYPE; export declare function f(a: TYPE): TYPE; export declare class C { a: TYPE }",
    "declare module 'm' { export const a: TYPE }\ndeclare global { var a: TYPE }\nexport {}",
    "namespace N { export type X = TYPE; interface Y { a: TYPE } }\nexport declare namespace M { const a: TYPE }",
    "label: for (;;) { const a = <T,>(b: TYPE) => b as TYPE; break label }\nexport {}",
    "using a: TYPE = b; await using c: TYPE = d; export { a }",
)
_PLAIN = (
    "import type { X } from 'm'; import type Y from 'n'; import type * as Z from 'o'",
    "import { type X } from 'm'; import { type X as Y, z } from 'n'; import a, { type B } from 'o'",
    "import { type default as X, type 'y z' as Y } from 'm'",
    "import { type } from 'm'; import { type as } from 'n'; import { type as as } from 'o'",
    "import { type as as as } from 'm'; import { type type as a } from 'n'",
    "import type from 'm'; import type, { a } from 'n'",
    "import type from from 'm'",
    "import { type X } from 'm' with { type: 'json' }; import {} from 'n'; import 'o'",
    "import type X from 'm' with { type: 'json' }; import type { Y } from 'n' with { 'resolution-mode': 'require' }",
    "import type X = require('m'); export const a = 1",
    "import {\n  type X, // c\n  a,\n  type Y,\n} from 'm'",
    "export type { X } from 'm'; export type * from 'n'; export type * as N from 'o'",
    "export { type X } from 'm'; export { type X as Y, z } from 'n'; export * as a from 'o'",
    "export { type }; let type; export { type as as }; export { type type as z }",
    "export type {}; export {}; export type { default } from 'm'",
    "import { X } from 'm'; export { X }; export type { X as Y }",
    "import type { X } from 'm'; export { X }",
    "type X = 1; export { X }",
    "interface X {} export default X",
    "type X = 1; export default X",
    "const type = 1; type\nX = 2; let X; export { X }",
    "declare\nconst a: 1; export { a }",
    "abstract\nclass C {}; let abstract; export { C }",
    "enum E { A }",
    "export enum E { A = 1 }",
    "export const enum E { A }",
    "export declare enum E { A }",
    "namespace N { export const a = 1 }",
    "export namespace N { f() }",
    "module N {}",
    "class C { constructor(private a: number) {} }",
    "import x = require('m')",
    "export import x = N.y",
    "export = 1",
    "export as namespace N",
    "export const a = <number>1",
    "const a: = 1",
    "export const a: number = 1; const a: string = 2",
    "@d class C { @e f: number }",
    "export class C { accessor a: number = 1 }",
    "return 1 as number",
    "import { X } from 'm' with { type: 'json' } as Y",
    "export const a = 1 as const; export const b = /re/ as any as RegExp; `${a as string}` as 'x'",
    "const f = (a?: 1, ...b: 2[]): 3 => 4; export const g = async <T>(h: T): Promise<T> => h",
    "export const a = b < c > (d); export const e = f<g>(h); export const i = j < k, l = m > (n)",
    "x = a ? (b) : c => d; y = a ? (b): c => d : e; let x, y, a; export { x }",
    "export const a = !b!; c!.d!(); e![0]!; f! = 1; let f: any",
)
_STARTS = ("#!/usr/bin/env node\r\n", "\ufeff", "\ufeff#!node\n", "'use strict'\n", "// é ∪ 😀\r\n", "\u00a0\n")


def typescript_cases() -> Iterator[str]:
    """Yield the texts."""
    for place in _PLACES:
        for written in _TYPES:
            yield place.replace("TYPE", written)
    yield from _PLAIN
    for start in _STARTS:
        yield f"{start}import {{ type X, a }} from 'm'\nexport const b: {{ é: X }}\r\n= a as X; import('n' as X)\n"
