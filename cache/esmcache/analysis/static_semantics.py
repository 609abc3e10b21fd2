"""Syntax tree to ModuleRecord: ECMA-262's static semantics of import and export declarations.

It walks only the top level. `calls` and `top_level_await` find the expressions below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from esmcache.analysis.attributes import clause_attributes, import_attributes
from esmcache.analysis.bound_names import declaration_names
from esmcache.analysis.calls import module_calls
from esmcache.analysis.parser import Node, SyntaxTree
from esmcache.analysis.string_values import identifier_name, string_value
from esmcache.analysis.top_level_await import has_top_level_await
from esmcache.records import (
    ExportEntry,
    ImportAttribute,
    ImportEntry,
    ImportName,
    ModuleCall,
    ModuleRecord,
    ModuleRequest,
    Phase,
)
from esmcache.spans import Span

# ECMA-262's local name of the binding that `export default 1` makes; no identifier can be spelled like this.
DEFAULT_BINDING = "*default*"

_PHASE = re.compile(rb"(?P<phase>defer|source)")
_SHORTEST_PHASE = len("defer")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\r\n]*", re.DOTALL)
# The form of most imports; these are read from the text without looking at their nodes.
_PLAIN_IMPORT = re.compile(
    rb"import (?:(?P<default>[\w$]+)|\* as (?P<namespace>[\w$]+)) from (?P<specifier>'[^'\\]*'|\"[^\"\\]*\");?"
)
_LINE_END = re.compile(rb"[\r\n]|\xe2\x80[\xa8\xa9]")

# The grammar ends `export` and `export {a}` at a line end, even if `{a}` or `from 'a'` follow.
_MISREAD = re.compile(rb"export(?![\w$])|from(?=[\s/'\"])")
_ASYNC = frozenset(
    {"function_expression", "generator_function", "function_declaration", "generator_function_declaration"}
)
_FUNCTIONS_AND_CLASSES = frozenset({"function_expression", "generator_function", "class"})


@dataclass(frozen=True, slots=True)
class ModuleReading:
    """A tree's record and the input of its checks.

    `requests` has every statement's request and `exports` the exports as written; `module_record` makes the record of
    them. `clause_exports` are the entries of `export {a}`, which may name undeclared variables. `unclear` is the first
    place that the tree represents wrongly or not at all. `starts` has the offsets where import and export declarations
    begin.
    """

    record: ModuleRecord
    requests: tuple[ModuleRequest, ...]
    exports: tuple[ExportEntry, ...]
    clause_exports: tuple[ExportEntry, ...]
    unclear: Span | None
    starts: Set[int]


def read_module(tree: SyntaxTree) -> ModuleReading:
    """Return the record of a module's tree; parts that could not be parsed are left out.

    Spec: ParseModule (sec-parsemodule), steps 3 to 11. requested_modules is in source order and has one
    request per specifier, phase and set of attributes (ModuleRequestsEqual); entries hold their own
    statement's request, equal but for the span.
    """
    declarations = _Declarations(tree)
    declarations.read_statements()
    record = module_record(
        declarations.requests,
        declarations.imports,
        declarations.exports,
        declarations.stars,
        has_tla=has_top_level_await(tree),
        calls=module_calls(tree, commonjs=False),
    )
    return ModuleReading(
        record,
        tuple(declarations.requests),
        tuple(declarations.exports),
        tuple(declarations.clause_exports),
        declarations.unclear,
        declarations.starts,
    )


def module_record(
    requests: Iterable[ModuleRequest],
    imports: Sequence[ImportEntry],
    exports: Iterable[ExportEntry],
    stars: Iterable[ExportEntry],
    *,
    has_tla: bool,
    calls: tuple[ModuleCall, ...],
) -> ModuleRecord:
    """Return the record of a module from what its statements request, import and export, all in source order.

    An imported binding that is exported becomes an indirect entry.
    """
    distinct: dict[object, ModuleRequest] = {}
    for request in requests:
        attributes, phase = request.attributes, request.phase
        plain = not attributes and phase is Phase.EVALUATION
        distinct.setdefault(request.specifier if plain else (request.specifier, frozenset(attributes), phase), request)
    local, indirect = _resolved_exports(imports, exports)
    return ModuleRecord(
        requested_modules=tuple(distinct.values()),
        import_entries=tuple(imports),
        local_export_entries=local,
        indirect_export_entries=indirect,
        star_export_entries=tuple(stars),
        has_tla=has_tla,
        calls=calls,
    )


def _resolved_exports(
    imports: Iterable[ImportEntry], exports: Iterable[ExportEntry]
) -> tuple[tuple[ExportEntry, ...], tuple[ExportEntry, ...]]:
    imported = {entry.local_name: entry for entry in imports}
    local: list[ExportEntry] = []
    indirect: list[ExportEntry] = []
    for entry in exports:
        if entry.module_request is not None:
            indirect.append(entry)
            continue
        source = imported.get(entry.local_name or "")
        # An import in any phase but evaluation binds a value of this module, as a namespace import does.
        if (
            source is None
            or source.import_name is ImportName.NAMESPACE_OBJECT
            or source.module_request.phase is not Phase.EVALUATION
        ):
            local.append(entry)
        else:
            request, name = source.module_request, source.import_name
            indirect.append(ExportEntry(entry.export_name, request, name, None, entry.span))
    return tuple(local), tuple(indirect)


class _Declarations:
    """Collects entries in source order while the top level is walked once."""

    def __init__(self, tree: SyntaxTree) -> None:
        self.tree = tree
        self.requests: list[ModuleRequest] = []
        self.imports: list[ImportEntry] = []
        self.exports: list[ExportEntry] = []
        self.stars: list[ExportEntry] = []
        self.clause_exports: list[ExportEntry] = []
        self.unclear: Span | None = None
        self.starts: set[int] = set()

    def read_statements(self) -> None:
        for node in self.tree.root.named_children:
            kind = node.type
            if kind == "import_statement":
                self.starts.add(node.start_byte)
                self._import_statement(node)
            elif kind == "export_statement":
                self.starts.add(node.start_byte)
                self._export_statement(node)
            elif kind == "ERROR":
                for child in node.named_children:
                    if child.type == "import_statement":
                        self._import_statement(child)
                    elif child.type == "export_statement":
                        self._export_statement(child)
            elif kind == "expression_statement" and _MISREAD.match(self.tree.source, node.start_byte):
                self._note_misread(node)

    def _import_statement(self, statement: Node) -> None:
        # An attribute clause that the tree lacks is not part of the statement's text.
        plain = (
            None if self.tree.attribute_clauses else _PLAIN_IMPORT.fullmatch(self.tree.source, *statement.byte_range)
        )
        if plain is not None:
            self._plain_import(plain)
            return
        children = statement.children
        request = self._request(children, self._phase(children))
        if request is None:
            return
        for clause in children:
            if clause.type != "import_clause":
                continue
            for binding in clause.named_children:
                kind = binding.type
                if kind == "identifier":
                    self._add_import(request, "default", binding)
                elif kind == "named_imports":
                    self._named_imports(request, binding)
                elif kind == "namespace_import":
                    name = binding.named_children[-1]
                    self._add_import(request, ImportName.NAMESPACE_OBJECT, name)

    def _plain_import(self, written: re.Match[bytes]) -> None:
        specifier = written["specifier"][1:-1].decode("utf-8", "replace")
        request = ModuleRequest(specifier, (), Phase.EVALUATION, Span(*written.span("specifier")))
        self.requests.append(request)
        kind = "namespace" if written["default"] is None else "default"
        name = ImportName.NAMESPACE_OBJECT if kind == "namespace" else "default"
        self.imports.append(ImportEntry(request, name, written[kind].decode("ascii"), Span(*written.span(kind))))

    def _phase(self, children: list[Node]) -> Phase:
        # The grammar has no import phases, so the word is text between two nodes.
        start = children[0].end_byte
        if len(children) < 2 or (children[1].start_byte - start == 1 and children[1].type != "comment"):
            return Phase.EVALUATION
        clause = next((child for child in children if child.type == "import_clause"), None)
        if clause is not None and clause.start_byte - start > _SHORTEST_PHASE:
            written = _COMMENT.sub(b" ", self.tree.source[start : clause.start_byte])
            if word := _PHASE.search(written):
                return Phase(word["phase"].decode())
        return Phase.EVALUATION

    def _named_imports(self, request: ModuleRequest, braces: Node) -> None:
        for specifier in braces.named_children:
            if specifier.type != "import_specifier":
                continue
            name = specifier.child_by_field_name("name")
            if name is not None:
                alias = specifier.child_by_field_name("alias")
                self._add_import(request, self._export_name(name), alias or name)

    def _add_import(self, request: ModuleRequest, name: str | ImportName, binding: Node) -> None:
        local_name = identifier_name(self.tree.text(binding))
        self.imports.append(ImportEntry(request, name, local_name, _span(binding)))

    def _export_statement(self, statement: Node) -> None:
        declaration = statement.child_by_field_name("declaration")
        if declaration is not None:
            self._exported_declaration(statement, declaration)
            return
        value = statement.child_by_field_name("value")
        if value is not None:
            self._export_default(statement, value)
            return
        children = statement.children
        request = self._request(children)
        for child in children:
            kind = child.type
            if kind == "export_clause":
                self._export_clause(request, child)
            elif kind == "*" and request is not None:
                star = ExportEntry(None, request, ImportName.ALL_BUT_DEFAULT, None, _span(child))
                self.stars.append(star)
            elif kind == "namespace_export" and request is not None:
                name = child.children[-1]
                self._add_export(name, self._export_name(name), request, ImportName.ALL, None)

    def _exported_declaration(self, statement: Node, declaration: Node) -> None:
        default = None
        if b"default" in self.tree.source[statement.start_byte : declaration.start_byte]:
            default = next((child for child in statement.children if child.type == "default"), None)
        for name in declaration_names(declaration):
            place = self.tree.defaults.get(name.start_byte)
            if place is not None:
                self.exports.append(ExportEntry("default", None, None, DEFAULT_BINDING, place))
                continue
            local_name = identifier_name(self.tree.text(name))
            self._add_export(name, "default" if default else local_name, None, None, local_name)
        if default is not None:
            self._check_async(declaration)

    def _export_default(self, statement: Node, value: Node) -> None:
        # `export default class A {}` declares A even if the grammar reads it as an expression.
        name = value.child_by_field_name("name") if value.type in _FUNCTIONS_AND_CLASSES else None
        local_name = DEFAULT_BINDING if name is None else identifier_name(self.tree.text(name))
        place = name or next(child for child in statement.children if child.type == "default")
        self._add_export(place, "default", None, None, local_name)
        self._check_async(value)

    def _check_async(self, value: Node) -> None:
        # If a comment between `async` and `function` has a line end, they are two statements.
        if value.type not in _ASYNC or not value.children or value.children[0].type != "async":
            return
        if value.children[1].type == "comment" and _LINE_END.search(self.tree.text(value.children[1])):
            self._note_unclear(value.children[1])

    def _export_clause(self, request: ModuleRequest | None, clause: Node) -> None:
        for specifier in clause.named_children:
            if specifier.type != "export_specifier":
                continue
            name = specifier.child_by_field_name("name")
            if name is None:
                continue
            alias = specifier.child_by_field_name("alias") or name
            source_name = self._export_name(name)
            export_name = source_name if alias is name else self._export_name(alias)
            if request is None:
                self._add_export(alias, export_name, None, None, source_name)
                self.clause_exports.append(self.exports[-1])
            else:
                self._add_export(alias, export_name, request, source_name, None)

    def _add_export(
        self,
        place: Node,
        export_name: str,
        request: ModuleRequest | None,
        import_name: str | ImportName | None,
        local_name: str | None,
    ) -> None:
        self.exports.append(ExportEntry(export_name, request, import_name, local_name, _span(place)))

    def _request(self, children: list[Node], phase: Phase = Phase.EVALUATION) -> ModuleRequest | None:
        source = None
        attributes: tuple[ImportAttribute, ...] = ()
        for child in children:
            kind = child.type
            if kind == "string":
                source = child
            elif kind == "import_attribute":
                written = import_attributes(self.tree, child.named_children[-1])
                if written is None:
                    self._note_unclear(child)
                attributes = written or ()
        if source is None:
            return None
        if (clause := self.tree.attribute_clauses.get(source.end_byte)) is not None:
            written = clause_attributes(clause)
            if written is None:
                self._note_unclear(source)
            attributes = written or ()
        specifier = string_value(self.tree.text(source))
        request = ModuleRequest(specifier, attributes, phase, _span(source))
        self.requests.append(request)
        return request

    def _export_name(self, name: Node) -> str:
        text = self.tree.text(name)
        return string_value(text) if name.type == "string" else identifier_name(text)

    def _note_misread(self, statement: Node) -> None:
        if all(child.type in ("identifier", "comment") for child in statement.named_children):
            self._note_unclear(statement)

    def _note_unclear(self, node: Node) -> None:
        self.unclear = self.unclear or _span(node)


def _span(node: Node) -> Span:
    return Span(*node.byte_range)
