"""Many cold starts at once: each program prints the right output, and only a few are warmed at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from conftest import EVERYTHING, EsmcacheHome
from esmcache.launch.background import SLOTS
from processes import processes_with

# `make test-all` starts a hundred.
_PROGRAMS = 100 if EVERYTHING else 20
_AT_ONCE = 10
_DEADLINE_S = 300


def _warms(cache_dir: Path) -> int:
    """Return the number of running background warms of a cache."""
    return len(processes_with("--background", str(cache_dir)))


def test_few_programs_are_warmed_at_once(esmcache_home: EsmcacheHome, tmp_path: Path) -> None:
    for number in range(_PROGRAMS):
        (tmp_path / f"{number}.mjs").write_text(f"console.log({number});\n")
    started = threading.Semaphore(_AT_ONCE)
    results: dict[int, subprocess.CompletedProcess[bytes]] = {}

    def start(number: int) -> None:
        with started:
            results[number] = subprocess.run(
                [sys.executable, "-P", "-m", "esmcache", "run", str(tmp_path / f"{number}.mjs")],
                env=dict(esmcache_home.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_DEADLINE_S,
            )

    threads = [threading.Thread(target=start, args=(number,)) for number in range(_PROGRAMS)]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        seen.append(_warms(esmcache_home.cache_dir))
        time.sleep(0.01)
    for number, result in results.items():
        assert (result.returncode, result.stdout, result.stderr) == (0, b"%d\n" % number, b"")
    assert len(results) == _PROGRAMS
    assert 0 < max(seen) <= SLOTS
    deadline = time.monotonic() + _DEADLINE_S
    while _warms(esmcache_home.cache_dir):
        assert time.monotonic() < deadline, "a background warm did not end"
        time.sleep(0.02)
    assert list(esmcache_home.cache_dir.glob("manifests/*.manifest"))
