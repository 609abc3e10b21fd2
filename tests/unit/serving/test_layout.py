"""The constants that the preload repeats are those of serving/layout.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmcache.serving import layout

_BEGIN, _END = "// Generated from serving/layout.py.\n", "// End of what is generated.\n"
_RUNTIME = Path(layout.__file__).parent / "runtime"


@pytest.mark.parametrize("name", layout.RUNTIME_CONSTANTS)
def test_preload_repeats_the_layout(name: str, update_golden: bool) -> None:
    path = _RUNTIME / name
    before, begin, rest = path.read_text("utf-8").partition(_BEGIN)
    constants, end, after = rest.partition(_END)
    assert begin and end
    if update_golden:
        path.write_text(before + begin + layout.runtime_constants(name) + end + after, "utf-8")
        return
    assert constants == layout.runtime_constants(name), f"{path} (pytest --update-golden rewrites it)"


def test_no_other_file_of_the_preload_has_a_generated_part() -> None:
    generated = {path.name for path in _RUNTIME.iterdir() if path.is_file() and _BEGIN in path.read_text("utf-8")}
    assert generated == set(layout.RUNTIME_CONSTANTS)
