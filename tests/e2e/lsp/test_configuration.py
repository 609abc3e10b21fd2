"""Settings as clients send them: valid ones take effect, and each invalid one is shown to the user once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2e.lsp.connection import WATCHDOG_S
from e2e.lsp.wire import Wire, a_server, log_of, wire_to
from esmcache.settings import EditorSettings
from esmcache_lsp.settings import configured_settings, initial_settings

SEVERITY = {"unresolved-import": "off", "import-cycle": "loud", "no-such-code": "off"}
OPTIONS = {"severity": SEVERITY, "codeLens": "x", "warmOnsave": False, "statusBar": False, "cacheDir": "relative"}


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("export {};\n")
    with a_server(tmp_path, ESMCACHE_NODE=str(tmp_path / "no-node")) as server:
        wire = wire_to(server)
        wire.initialize(tmp_path, initializationOptions={"esmcache": OPTIONS})
        wire.open(tmp_path / "app.js", "import './gone.js';\nimport { none } from './a.js';\n")
        published = wire.until("textDocument/publishDiagnostics")["params"]
        assert "unresolved-import" not in {one["code"] for one in published["diagnostics"]}
        told = [
            'codeLens: must be true or false, not "x"',
            'severity: import-cycle must be "error", "hint", "information", "off" or "warning", not "loud"',
            "cacheDir: must be an absolute path",
        ]
        assert sorted(complaints(wire)) == sorted(f"esmcache: settings: esmcache.{one}" for one in told)

        configure(wire, {"codeLens": "x", "enable": True})
        assert len(complaints(wire)) == len(told)
        configure(wire, {"codeLens": "y"})
        assert len(complaints(wire)) == len(told) + 1
        configure(wire, {"inlayHints": 3, "severity": {"missing-export": "off"}})
        assert len(complaints(wire)) == len(told) + 2
        wire.leave()
        assert server.wait(WATCHDOG_S) == 0
        log = log_of(server)
        assert log.count("WARNING esmcache_lsp.features.configuration: settings: esmcache.warmOnsave: there is no") == 1
        assert log.count("settings: esmcache.severity.no-such-code: there is no such diagnostic") == 1
        assert "statusBar" not in log and "Traceback" not in log


def test_settings_that_are_no_object(tmp_path: Path) -> None:
    with a_server(tmp_path) as server:
        wire = wire_to(server)
        wire.initialize(initializationOptions="fast")
        configure(wire, [3])
        configure(wire, [])
        assert complaints(wire) == [
            'esmcache: settings: esmcache: must be an object with settings, not "fast"',
            "esmcache: settings: esmcache: must be an object with settings, not a list",
        ]


def test_a_workspace_does_not_say_what_runs_and_how_much_of_the_machine_is_used() -> None:
    users = {"cacheDir": "/cache", "node": "/node", "jobs": 1, "maxSize": 1000}
    initial = initial_settings(users).settings
    assert initial == EditorSettings(cache_dir="/cache", node="/node", jobs=1, max_size=1000)
    others = {"cacheDir": "/evil", "node": "/evil", "jobs": 64, "maxSize": 0}
    assert configured_settings({**others, "codeLens": False}, initial).settings == EditorSettings(
        cache_dir="/cache", node="/node", jobs=1, max_size=1000, code_lens=False
    )


def configure(wire: Wire, settings: Any) -> None:
    """Change the settings and wait until the server has applied them."""
    wire.send(method="workspace/didChangeConfiguration", params={"settings": {"esmcache": settings}})
    wire.links("file:///no.js")


def complaints(wire: Wire) -> list[str]:
    """Return the messages about settings that the user was shown."""
    return [one for one in wire.shown() if one.startswith("esmcache: settings: ")]
