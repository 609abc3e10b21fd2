"""A terminal of fixed size that runs a real editor: a private tmux, controlled over its control mode.

tmux reports when the editor has drawn something, so that waiting for a condition needs no sleeps and no polling.
"""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

COLUMNS = 100
ROWS = 20
# Far longer than any editor needs; only a condition that never becomes true takes this long.
_PATIENCE_S = 60

_CONFIGURATION = """\
set -g status off
set -g escape-time 0
set -g remain-on-exit on
set -g default-terminal tmux-256color
"""


class Terminal:
    """One program in one terminal; both end with the context."""

    def __init__(
        self, tmux: Path, command: Sequence[str | os.PathLike[str]], *, cwd: Path, environment: Mapping[str, str]
    ) -> None:
        # pytest's directory is not used here, since the path of a socket must be short.
        self._directory = Path(tempfile.mkdtemp(prefix="esmcache-"))
        configuration = self._directory / "tmux.conf"
        configuration.write_text(_CONFIGURATION)
        self._tmux = subprocess.Popen(
            [
                *(tmux, "-S", self._directory / "socket", "-f", configuration, "-C", "new-session"),
                shlex.join(os.fspath(word) for word in command),
            ],
            cwd=cwd,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._tmux.stdin and self._tmux.stdout
        self._input, self._output = self._tmux.stdin, self._tmux.stdout
        os.set_blocking(self._output.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._unread = b""
        self._answer()
        self._command("refresh-client", "-C", f"{COLUMNS}x{ROWS}")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._input.write(b"kill-server\n")
        self._input.close()
        self._tmux.wait(_PATIENCE_S)
        self._output.close()
        self._selector.close()
        shutil.rmtree(self._directory)

    def press(self, *keys: str) -> None:
        """Press keys by their names in tmux, such as "Escape", "Enter", "C-x"."""
        self._command("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text literally."""
        self._command("send-keys", "-l", text)

    def screen(self, *, styled: bool = False) -> str:
        """Return the text on the screen; `styled` keeps colours as escape sequences."""
        return self._command("capture-pane", "-p", *(["-e"] if styled else []))

    def wait_for(self, condition: str | Callable[[str], bool]) -> str:
        """Return the screen when it contains the text or the condition holds for it; fail if that never happens."""
        holds = (lambda screen: condition in screen) if isinstance(condition, str) else condition
        deadline = time.monotonic() + _PATIENCE_S
        while not holds(screen := self.screen()):
            if not self._next_line(deadline):
                raise AssertionError(f"waited in vain for {condition!r}; on the screen was:\n{screen}")
        return screen

    def _command(self, *words: str) -> str:
        self._input.write((shlex.join(words) + "\n").encode())
        self._input.flush()
        return self._answer()

    def _answer(self) -> str:
        """Return tmux's answer to the last command; later checks of the screen make its notifications needless."""
        deadline = time.monotonic() + _PATIENCE_S
        answer: list[bytes] | None = None
        while line := self._next_line(deadline):
            if line.startswith(b"%begin "):
                answer = []
            elif line.startswith((b"%end ", b"%error ")):
                text = b"\n".join(answer or []).decode(errors="replace")
                assert line.startswith(b"%end "), text
                return text
            elif answer is not None:
                answer.append(line.rstrip(b"\n"))
        raise AssertionError("tmux does not answer")

    def _next_line(self, deadline: float) -> bytes:
        """Return tmux's next line with its line end, or b"" if none arrives before the deadline."""
        while b"\n" not in self._unread:
            if not self._selector.select(max(0, deadline - time.monotonic())):
                return b""
            chunk = os.read(self._output.fileno(), 65536)
            if not chunk:
                return b""
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"
