"""A module that is edited: its text, its tree and its analysis, which an edit renews where it changed something.

Knows positions in lines, as editors send them, but no editor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from esmcache.analysis.identifiers import declaration_of, module_variable_at
from esmcache.analysis.parser import Node, Reparsing, SyntaxTree, TextEdit, parse, reparse
from esmcache.analysis.source_analysis import Analysis, SourceReading, read_source, read_tree
from esmcache.analysis.statement_facts import Replacement, StatementFacts
from esmcache.analysis.top_level_await import has_top_level_await
from esmcache.spans import ColumnUnit, LineIndex, Position, Span

# Neighbours of what was edited are read anew, though nothing says that they must be, unless they are larger.
_SMALL = 8 << 10


@dataclass(frozen=True, slots=True)
class Edit:
    """What an editor reports: the text from `start` to `end` becomes `new_text`."""

    start: Position
    end: Position
    new_text: str


@dataclass(slots=True)
class Work:
    """How an analysis came about, for benchmarks: bytes that the parser read, and bytes whose tree was looked at."""

    from_scratch: bool
    bytes_parsed: int
    bytes_analysed: int


class Document:
    """An ES module in an editor.

    `analysis()` is always what `analyse_module(document.source)` gives. Statements are read anew where the text or
    the tree differs from the last text without syntax errors; a text with such errors is read from scratch, since
    tree-sitter recovers from them in other ways when it begins with an old tree.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.lines = LineIndex(source)
        self.work = Work(from_scratch=True, bytes_parsed=0, bytes_analysed=0)
        self._analysis: Analysis | None = None
        self._base: _Base | None = None

    def edit(self, edits: Iterable[Edit], unit: ColumnUnit = ColumnUnit.UTF16) -> None:
        """Apply edits one after the other; each has positions in the text that the one before it left."""
        for edit in edits:
            start = self.lines.byte_offset(edit.start, unit)
            end = self.lines.byte_offset(edit.end, unit)
            new_text = edit.new_text.encode("utf-8", "surrogatepass")
            self.replace(min(start, end), max(start, end), new_text)

    def replace(self, start: int, end: int, new_text: bytes) -> None:
        """Put `new_text` in place of the bytes from `start` to `end`."""
        source = self.source[:start] + new_text + self.source[end:]
        lines = self.lines.edited(start, end, source)
        if self._base is not None:
            new_end = start + len(new_text)
            points = _point(self.lines, start), _point(self.lines, end), _point(lines, new_end)
            self._base.note(TextEdit(start, end, new_end, *points), len(self.source))
        self.source, self.lines = source, lines
        self._analysis = None

    def analysis(self) -> Analysis:
        """Return the analysis of the text as it is now."""
        if self._analysis is None:
            self._analysis = self._renewed() or self._from_scratch()
        return self._analysis

    def module_variable_at(self, byte_offset: int) -> tuple[str, Span] | None:
        """Return the module's variable that is named at an offset, None for anything else or amid syntax errors."""
        self.analysis()
        tree = self._current_tree()
        return None if tree is None else module_variable_at(tree, byte_offset)

    def declaration_of(self, name: str) -> Span | None:
        """Return where the module declares a variable, None where it does not."""
        return declaration_of(self._current_tree() or parse(self.source), name)

    def _current_tree(self) -> SyntaxTree | None:
        base = self._base
        return None if base is None or base.edits or base.tree.source != self.source else base.tree

    def _from_scratch(self) -> Analysis:
        reading = read_source(self.source)
        self.work = Work(True, len(self.source), len(self.source))
        base = _base_of(reading)
        # The last text that could be read stays, for when this one is mended.
        if base is not None:
            self._base = base
        return reading.analysis

    def _renewed(self) -> Analysis | None:
        """Return the analysis as far as possible from what is known, or None where that is not possible."""
        base = self._base
        if base is None or base.tree.editable is None:
            return None
        reparsing = reparse(base.tree.editable, base.edits, self.source)
        if reparsing is None:
            return None
        facts = _renewed_facts(base, reparsing)
        if facts is None:
            return None
        changed, renewed = facts
        self.work = Work(False, reparsing.bytes_read, changed.end - changed.start)
        self._base = _Base(reparsing.tree, renewed)
        return renewed.analysis()


@dataclass(slots=True)
class _Base:
    """A text without syntax errors, and the edits since then.

    Its first `same_before` bytes and its last `same_behind` are those of the edited text, too.
    """

    tree: SyntaxTree
    facts: StatementFacts
    edits: list[TextEdit] = field(default_factory=list)
    same_before: int = field(init=False)
    same_behind: int = field(init=False)

    def __post_init__(self) -> None:
        self.same_before = self.same_behind = len(self.tree.source)

    def note(self, edit: TextEdit, size_before: int) -> None:
        self.edits.append(edit)
        self.same_before = min(self.same_before, edit.start)
        self.same_behind = min(self.same_behind, size_before - edit.old_end)


def _base_of(reading: SourceReading) -> _Base | None:
    if reading.facts is None or reading.tree.editable is None:
        return None
    return _Base(reading.tree, StatementFacts.of(reading.reading, reading.facts))


def _renewed_facts(base: _Base, reparsing: Reparsing) -> tuple[Span, StatementFacts] | None:
    """Return the span that was read anew and the facts of the whole, or None where the former was not clear."""
    tree = reparsing.tree
    moved = len(tree.source) - len(base.tree.source)
    changed = _changed_statements(base, reparsing, moved)
    if 2 * (changed.end - changed.start) > len(tree.source):
        reading = read_tree(tree)
        whole = _base_of(reading)
        return None if whole is None else (Span(0, len(tree.source)), whole.facts)
    text = tree.source[changed.start : changed.end]
    part = _base_of(read_source(text))
    if part is None:
        return None
    old_end = changed.end - moved
    has_tla = part.facts.has_tla
    if base.facts.has_tla and not has_tla:
        # Was it the one that is gone?
        has_tla = b"await" not in base.tree.source[changed.start : old_end] or has_top_level_await(tree)
    change = Replacement(changed.start, old_end, moved, part.facts)
    return changed, base.facts.replaced(change, has_tla=has_tla)


def _changed_statements(base: _Base, reparsing: Reparsing, moved: int) -> Span:
    """Return the span of the statements that are not as they were, and of their neighbours.

    No statement reaches across its ends, neither in the old tree nor in the new one.
    """
    new, old = reparsing.tree, base.tree
    start = min(base.same_before, len(new.source))
    end = max(start, len(new.source) - base.same_behind)
    for span in reparsing.changed:
        start, end = min(start, span.start), max(end, span.end)
    # What stands beside may go on or end in another way now.
    new_ends = _with_neighbours(new.root, start, end)
    old_ends = _with_neighbours(old.root, start, end - moved)
    while True:
        start, end = min(new_ends[0], old_ends[0]), max(new_ends[1], old_ends[1] + moved)
        new_ends = _uncut(new.root, start, end)
        old_ends = _uncut(old.root, start, end - moved)
        if new_ends == (start, end) and old_ends == (start, end - moved):
            return Span(start, end)


def _with_neighbours(root: Node, start: int, end: int) -> tuple[int, int]:
    """Return a span that takes in the statements that it touches, and one more on either side if that is small."""
    if root.child_count == 0:
        return start, end
    first = _child_ending_behind(root, start - 1) or root.child(root.child_count - 1)
    start = min(start, first.start_byte)
    before = first.prev_sibling
    if before is not None and start - before.start_byte < _SMALL:
        start = before.start_byte
    last = _child_ending_behind(root, end)
    if last is not None and last.start_byte <= end:
        end = last.end_byte
        last = last.next_sibling
    if last is not None and last.end_byte - end < _SMALL:
        end = max(end, last.end_byte)
    return start, end


def _uncut(root: Node, start: int, end: int) -> tuple[int, int]:
    """Return a span that cuts no statement: one that has its ends within has them at its own ends."""
    first = _child_ending_behind(root, start)
    if first is not None:
        start = min(start, first.start_byte)
    last = _child_ending_behind(root, end - 1)
    if last is not None and last.start_byte < end:
        end = max(end, last.end_byte)
    return start, end


def _child_ending_behind(root: Node, offset: int) -> Node | None:
    # Node.first_child_for_byte crashes where there is none (tree-sitter 0.26.1).
    cursor = root.walk()
    return None if cursor.goto_first_child_for_byte(max(offset, 0)) is None else cursor.node


def _point(lines: LineIndex, offset: int) -> tuple[int, int]:
    position = lines.position(offset, ColumnUnit.UTF8)
    return position.line, position.column
