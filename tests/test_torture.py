"""A sample of the campaign against the cache; `make torture` runs the whole (docs/explanation/reliability.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import EVERYTHING, some
from torture import crowd, damages, full_disk, kills
from torture.settings import Settings
from torture.tally import Tally

# The campaign recognizes its processes by their environments.
pytestmark = pytest.mark.usefixtures("without_forks")

_SEED = 15
_DAMAGES = 30
_KINDS_OF_KILLS = 7
# First number and count of three kills: a background warm, the language server and a warm.
_SAMPLE_OF_KILLS = (5, 3)
_KINDS_OF_FULL_DISKS = 3
_MINUTES_OF_THE_CROWD = 0.2 if EVERYTHING else 0.04
# `make test-torture` does some minutes of the campaign.
_BATCHES_OF_DAMAGES = some(range(12), 1)
_BATCHES_OF_KILLS = some(range(3), 1)


@pytest.mark.parametrize(
    ("part", "first", "count"),
    [
        *((damages.run, _DAMAGES * batch, _DAMAGES if EVERYTHING else 10) for batch in _BATCHES_OF_DAMAGES),
        *(
            (kills.run, _KINDS_OF_KILLS * batch, _KINDS_OF_KILLS) if EVERYTHING else (kills.run, *_SAMPLE_OF_KILLS)
            for batch in _BATCHES_OF_KILLS
        ),
        (crowd.run, 0, 8),
        (full_disk.run, 0, _KINDS_OF_FULL_DISKS * (2 if EVERYTHING else 1)),
    ],
    ids=[
        *(f"damages-{batch}" for batch in _BATCHES_OF_DAMAGES),
        *(f"kills-{batch}" for batch in _BATCHES_OF_KILLS),
        "crowd",
        "full-disk",
    ],
)
def test_the_campaign_finds_no_failures(
    part: Callable[[Settings], Tally], first: int, count: int, tmp_path: Path
) -> None:
    tally = part(Settings(tmp_path, _SEED, count, _MINUTES_OF_THE_CROWD, jobs=1, first=first, batch=_DAMAGES))
    assert tally.notes == []
    assert tally.is_clean
