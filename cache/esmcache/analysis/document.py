"""A module that is being edited: its text, its tree and its analysis, of which an edit renews only what it changed.

It knows positions as lines and columns, which editors send. It must not know any editor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from esmcache.analysis.excerpt import excerpt_of
from esmcache.analysis.identifiers import declaration_of, module_variable_at
from esmcache.analysis.parser import (
    Node,
    Reparsing,
    SyntaxTree,
    TextEdit,
    Tree,
    child_ending_behind,
    moved_by_edits,
    parse,
    reparse,
)
from esmcache.analysis.source_analysis import Analysis, SourceReading, read_source, read_tree
from esmcache.analysis.statement_facts import Replacement, StatementFacts
from esmcache.analysis.top_level_await import has_top_level_await
from esmcache.spans import ColumnUnit, LineIndex, Position, Span

# Neighbours of an edited statement are analysed again as a precaution, unless they are larger than this.
_SMALL = 8 << 10
# After this many edits the old tree is no longer reused, and the text is parsed again.
_MOST_EDITS = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as an editor reports it: the text from `start` to `end` becomes `new_text`."""

    start: Position
    end: Position
    new_text: str


@dataclass(slots=True)
class Work:
    """The work behind an analysis, for benchmarks: bytes that were parsed, and bytes whose tree was analysed."""

    from_scratch: bool
    bytes_parsed: int
    bytes_analysed: int


class Document:
    """An ES module in an editor.

    `analysis()` always equals `analyse_module(document.source)`. After an edit, only an excerpt of the text is
    analysed if that is enough; otherwise the statements that differ between the old and the new tree. A text with
    syntax errors is parsed from scratch, since tree-sitter recovers from errors differently if it reuses an old tree.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.lines = LineIndex(source)
        self.work = Work(from_scratch=True, bytes_parsed=0, bytes_analysed=0)
        self._analysis: Analysis | None = None
        self._base: _Base | None = None
        self._latest: _Latest | None = None

    def edit(self, edits: Iterable[Edit], unit: ColumnUnit = ColumnUnit.UTF16) -> None:
        """Apply edits in order; the positions of each refer to the text after the edit before it."""
        for edit in edits:
            start = self.lines.byte_offset(edit.start, unit)
            end = self.lines.byte_offset(edit.end, unit)
            new_text = edit.new_text.encode("utf-8", "surrogatepass")
            self.replace(min(start, end), max(start, end), new_text)

    def replace(self, start: int, end: int, new_text: bytes) -> None:
        """Replace the bytes from `start` to `end` with `new_text`."""
        source = self.source[:start] + new_text + self.source[end:]
        lines = self.lines.edited(start, end, source)
        if self._base is not None and self._latest is not None:
            new_end = start + len(new_text)
            points = _point(self.lines, start), _point(self.lines, end), _point(lines, new_end)
            edit = TextEdit(start, end, new_end, *points)
            self._base.changes.note(edit, len(self.source))
            self._latest.changes.note(edit, len(self.source))
        self.source, self.lines = source, lines
        self._analysis = None

    def analysis(self) -> Analysis:
        """Return the analysis of the current text."""
        if self._analysis is None:
            self._analysis = self._renewed_by_excerpt() or self._renewed() or self._from_scratch()
        return self._analysis

    def module_variable_at(self, byte_offset: int) -> tuple[str, Span] | None:
        """Return the module's variable that is named at an offset, or None for anything else and with syntax errors."""
        tree = self._current_tree()
        return None if tree is None else module_variable_at(tree, byte_offset)

    def declaration_of(self, name: str) -> Span | None:
        """Return the span where the module declares a variable, or None if it does not."""
        return declaration_of(self._current_tree() or parse(self.source), name)

    def _current_tree(self) -> SyntaxTree | None:
        """Return the tree of the current text, or None if it has syntax errors."""
        self.analysis()
        if self._latest is None or self._latest.changes.edits:
            return None
        base = self._base_of_latest()
        return None if base is None else base.tree

    def _from_scratch(self) -> Analysis:
        reading = read_source(self.source)
        self.work = Work(True, len(self.source), len(self.source))
        base = _base_of(reading)
        # With syntax errors, the last text without them is kept: the next edit may fix the errors.
        if base is not None:
            self._begin_with(base)
        return reading.analysis

    def _begin_with(self, base: _Base) -> None:
        self._base = base
        self._latest = _latest_of(base)

    def _renewed_by_excerpt(self) -> Analysis | None:
        """Return the analysis after parsing an excerpt, or None if an excerpt does not show what the edits changed."""
        base, latest = self._base, self._latest
        if base is None or latest is None or len(base.changes.edits) > _MOST_EDITS:
            return None
        renewed = _renewed_by_excerpt(latest, self.source)
        if renewed is None:
            return None
        self._latest, bytes_read = renewed
        self.work = Work(False, bytes_read, bytes_read)
        return self._latest.facts.analysis()

    def _renewed(self) -> Analysis | None:
        """Return the analysis after reparsing with the old tree, or None if that is not possible."""
        base = self._base_of_latest()
        if base is None or base.tree.editable is None:
            return None
        reparsing = reparse(base.tree.editable, base.changes.edits, self.source)
        if reparsing is None:
            return None
        facts = _renewed_facts(base, reparsing)
        if facts is None:
            return None
        changed, renewed = facts
        self.work = Work(False, reparsing.bytes_read, changed.end - changed.start)
        self._begin_with(_Base(reparsing.tree, renewed, _Changes.of(self.source)))
        return renewed.analysis()

    def _base_of_latest(self) -> _Base | None:
        """Return the last text without syntax errors, with its own tree, or None if there was no such text yet.

        Its facts are known already, so only its tree is made.
        """
        base, latest = self._base, self._latest
        if base is None or latest is None or base.tree.editable is None or base.tree.source is latest.source:
            return base
        known = len(base.changes.edits) - len(latest.changes.edits)
        reparsing = reparse(base.tree.editable, base.changes.edits[:known], latest.source)
        if reparsing is None:
            return None
        self._begin_with(_Base(reparsing.tree, latest.facts, latest.changes))
        return self._base


@dataclass(slots=True)
class _Changes:
    """Edits of a text; they leave its first `same_before` and its last `same_behind` bytes unchanged."""

    same_before: int
    same_behind: int
    edits: list[TextEdit] = field(default_factory=list)

    @classmethod
    def of(cls, source: bytes) -> _Changes:
        return cls(len(source), len(source))

    def note(self, edit: TextEdit, size_before: int) -> None:
        self.edits.append(edit)
        self.same_before = min(self.same_before, edit.start)
        self.same_behind = min(self.same_behind, size_before - edit.old_end)

    def span(self, size: int) -> Span:
        """Return the span of the edited text that may have changed.

        Args:
            size: The size of that text in bytes.
        """
        start = min(self.same_before, size)
        return Span(start, max(start, size - self.same_behind))


@dataclass(slots=True)
class _Base:
    """A text without syntax errors, its tree, and the edits since then."""

    tree: SyntaxTree
    facts: StatementFacts
    changes: _Changes


@dataclass(slots=True)
class _Latest:
    """The last text without syntax errors, and the edits since then.

    `tree` was parsed from an earlier text, and edits have moved its nodes. Within `reread` its nodes may be outdated.
    """

    tree: Tree
    facts: StatementFacts
    source: bytes
    reread: tuple[Span, ...]
    changes: _Changes


def _latest_of(base: _Base) -> _Latest | None:
    tree, changes = base.tree, base.changes
    if tree.editable is None:
        return None
    same = _Changes(changes.same_before, changes.same_behind, list(changes.edits))
    return _Latest(tree.editable, base.facts, tree.source, (), same)


def _renewed_by_excerpt(latest: _Latest, source: bytes) -> tuple[_Latest, int] | None:
    """Return the state after the edits and the number of bytes parsed for it, or None if an excerpt is not enough."""
    tree = moved_by_edits(latest.tree, latest.changes.edits)
    reread = latest.reread
    for edit in latest.changes.edits:
        reread = tuple(_moved_span(span, edit) for span in reread)
    excerpt = excerpt_of(tree.root_node, source, latest.changes.span(len(source)), reread)
    if excerpt is None:
        return None
    reading = read_source(excerpt.text)
    part = _base_of(reading)
    if part is None or not excerpt.is_read_as_before(reading.tree.root):
        return None
    region, facts, has_tla = excerpt.region, part.facts, latest.facts.has_tla
    grown = len(source) - len(latest.source)
    old_end = region.end - grown
    if not excerpt.is_top_level:
        facts = facts.within_functions(Span(excerpt.at, excerpt.at + region.end - region.start))
    elif has_tla and not facts.has_tla and b"await" in latest.source[region.start : old_end]:
        # The edited text may have held the module's only top-level `await`.
        return None
    else:
        has_tla = has_tla or facts.has_tla
    change = Replacement(region.start, old_end, grown, facts, region.start - excerpt.at)
    others = [span for span in reread if not (excerpt.reread.start <= span.start and span.end <= excerpt.reread.end)]
    facts = latest.facts.replaced(change, has_tla=has_tla)
    return _Latest(tree, facts, source, (*others, excerpt.reread), _Changes.of(source)), len(excerpt.text)


def _moved_span(span: Span, edit: TextEdit) -> Span:
    """Return a span as an edit moves it; the span grows if the edit touches it."""
    by = edit.new_end - edit.old_end
    start = span.start + by if span.start >= edit.old_end else min(span.start, edit.start)
    return Span(start, span.end + by if span.end >= edit.old_end else min(span.end, edit.new_end))


def _base_of(reading: SourceReading) -> _Base | None:
    if reading.facts is None or reading.tree.editable is None:
        return None
    return _Base(reading.tree, StatementFacts.of(reading.reading, reading.facts), _Changes.of(reading.tree.source))


def _renewed_facts(base: _Base, reparsing: Reparsing) -> tuple[Span, StatementFacts] | None:
    """Return the span that was analysed again and the facts of the whole, or None if that span has syntax errors."""
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
        # The changed statements may have held the module's only top-level `await`.
        has_tla = b"await" not in base.tree.source[changed.start : old_end] or has_top_level_await(tree)
    change = Replacement(changed.start, old_end, moved, part.facts, changed.start)
    return changed, base.facts.replaced(change, has_tla=has_tla)


def _changed_statements(base: _Base, reparsing: Reparsing, moved: int) -> Span:
    """Return the span of the changed statements and of their neighbours.

    No statement crosses the ends of the span, neither in the old tree nor in the new one.
    """
    new, old = reparsing.tree, base.tree
    touched = base.changes.span(len(new.source))
    start, end = touched.start, touched.end
    for span in reparsing.changed:
        start, end = min(start, span.start), max(end, span.end)
    # The neighbouring statements may continue or end differently now.
    new_ends = _with_neighbours(new.root, start, end)
    old_ends = _with_neighbours(old.root, start, end - moved)
    while True:
        start, end = min(new_ends[0], old_ends[0]), max(new_ends[1], old_ends[1] + moved)
        new_ends = _uncut(new.root, start, end)
        old_ends = _uncut(old.root, start, end - moved)
        if new_ends == (start, end) and old_ends == (start, end - moved):
            return Span(start, end)


def _with_neighbours(root: Node, start: int, end: int) -> tuple[int, int]:
    """Return a span widened to the statements that it touches, and to one more on each side if that is small."""
    if root.child_count == 0:
        return start, end
    first = child_ending_behind(root, start - 1) or root.child(root.child_count - 1)
    start = min(start, first.start_byte)
    before = first.prev_sibling
    if before is not None and start - before.start_byte < _SMALL:
        start = before.start_byte
    last = child_ending_behind(root, end)
    if last is not None and last.start_byte <= end:
        end = last.end_byte
        last = last.next_sibling
    if last is not None and last.end_byte - end < _SMALL:
        end = max(end, last.end_byte)
    return start, end


def _uncut(root: Node, start: int, end: int) -> tuple[int, int]:
    """Return a span widened so that it cuts no statement in two."""
    first = child_ending_behind(root, start)
    if first is not None:
        start = min(start, first.start_byte)
    last = child_ending_behind(root, end - 1)
    if last is not None and last.start_byte < end:
        end = max(end, last.end_byte)
    return start, end


def _point(lines: LineIndex, offset: int) -> tuple[int, int]:
    position = lines.position(offset, ColumnUnit.UTF8)
    return position.line, position.column
