"""Expressions that request other modules while a module runs: import(), require() and new Worker()."""

from __future__ import annotations

import re
from collections.abc import Iterable

from esmcache.analysis.attributes import import_attributes, property_name
from esmcache.analysis.parser import Node, SyntaxTree, TreeQuery, is_costly
from esmcache.analysis.string_values import string_value
from esmcache.records import CallKind, ImportAttribute, ModuleCall
from esmcache.spans import Span

_QUERY = TreeQuery(
    """
    (call_expression . function: (import) arguments: (arguments)) @import
    (call_expression . function: (identifier) @_name arguments: (arguments) (#eq? @_name "require")) @require
    (new_expression constructor: (identifier) @_name arguments: (arguments) (#eq? @_name "Worker")) @worker
    (new_expression
      constructor: (member_expression property: (property_identifier) @_name)
      arguments: (arguments) (#eq? @_name "Worker")) @worker
    """
)
# The query finds nothing in a text that none of these patterns match. Each begins with a literal, for a quick search.
_IMPORT = re.compile(rb"import(?<![\w$]import)\s*(?:\.\s*(?=/|defer|source)|(?![\s\w$*{'\".,;:)\]]))")
_WORKER = re.compile(rb"Worker(?<![\w$]Worker)(?![\w$])")
_REQUIRE = re.compile(rb"require(?<![\w$]require)(?![\w$])")
_CALLEES = frozenset({"import", "identifier", "property_identifier"})
_META_URL = re.compile(rb"import\s*\.\s*meta\s*\.\s*url")


def module_calls(tree: SyntaxTree, *, commonjs: bool) -> tuple[ModuleCall, ...]:
    """Return the calls in source order; require() counts only in CommonJS and with a literal."""
    found = _found(tree, (_IMPORT, _WORKER, _REQUIRE) if commonjs else (_IMPORT, _WORKER))
    if not found:
        return ()
    calls = [_import_call(tree, node) for node in found.get("import", ())]
    calls += [_worker(tree, node) for node in found.get("worker", ())]
    if commonjs:
        calls += [call for node in found.get("require", ()) if (call := _require_call(tree, node))]
    calls.sort(key=lambda call: call.span.start if call.span else 0)
    return tuple(calls)


def _found(tree: SyntaxTree, words: Iterable[re.Pattern[bytes]]) -> dict[str, list[Node]]:
    """Return the calls by their kind.

    A query costs as much as half a parse. Most texts need none, and most others need it only near a few words.
    """
    spans = [match.span() for word in words for match in word.finditer(tree.source)]
    if is_costly(tree.root, len(spans)):
        return _QUERY.captures(tree.root, Span(min(span[0] for span in spans), max(span[1] for span in spans)))
    found: dict[str, dict[int, Node]] = {}
    for start, end in spans:
        # Most matches are in comments.
        if _is_callee(tree.root, start):
            for kind, nodes in _QUERY.captures(tree.root, Span(start, end)).items():
                found.setdefault(kind, {}).update((node.id, node) for node in nodes)
    return {kind: list(nodes.values()) for kind, nodes in found.items()}


def _is_callee(root: Node, start: int) -> bool:
    node = root.descendant_for_byte_range(start, start + 1)
    return node is None or node.type in _CALLEES


def _import_call(tree: SyntaxTree, call: Node) -> ModuleCall:
    arguments = _arguments(call)
    attributes: tuple[ImportAttribute, ...] = ()
    if len(arguments) > 1:
        attributes = _options_attributes(tree, arguments[1]) or ()
    return _module_call(tree, CallKind.IMPORT, call, arguments[0] if arguments else None, attributes)


def _require_call(tree: SyntaxTree, call: Node) -> ModuleCall | None:
    arguments = _arguments(call)
    if len(arguments) != 1 or _literal(tree, arguments[0]) is None:
        return None
    return _module_call(tree, CallKind.REQUIRE, call, arguments[0])


def _worker(tree: SyntaxTree, new: Node) -> ModuleCall:
    arguments = _arguments(new)
    url = arguments[0] if arguments else None
    if url is not None and url.type == "new_expression":
        constructor = url.child_by_field_name("constructor")
        url_arguments = _arguments(url)
        if (
            constructor is not None
            and tree.text(constructor) == b"URL"
            and len(url_arguments) == 2
            and _META_URL.fullmatch(tree.text(url_arguments[1]))
        ):
            return _module_call(tree, CallKind.WORKER, new, url_arguments[0])
    return ModuleCall(CallKind.WORKER, None, (), Span(new.start_byte, new.end_byte))


def _module_call(
    tree: SyntaxTree,
    kind: CallKind,
    call: Node,
    argument: Node | None,
    attributes: tuple[ImportAttribute, ...] = (),
) -> ModuleCall:
    """Return the call; its span is the literal with its quotes, or the whole call if there is no literal."""
    specifier = None if argument is None else _literal(tree, argument)
    place = call if argument is None or specifier is None else argument
    return ModuleCall(kind, specifier, attributes, Span(place.start_byte, place.end_byte))


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return []
    return [node for node in arguments.named_children if node.type not in ("comment", "html_comment")]


def _literal(tree: SyntaxTree, node: Node) -> str | None:
    if node.type == "template_string":
        if any(child.type == "template_substitution" for child in node.named_children):
            return None
    elif node.type != "string":
        return None
    return string_value(tree.text(node))


def _options_attributes(tree: SyntaxTree, options: Node) -> tuple[ImportAttribute, ...] | None:
    """Return the attributes in `{with: {type: 'json'}}`, or None if there are none or they are not literals."""
    if options.type != "object":
        return None
    for pair in options.named_children:
        if pair.type == "pair":
            key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
            if key is not None and value is not None and property_name(tree, key) == "with":
                return import_attributes(tree, value)
    return None
