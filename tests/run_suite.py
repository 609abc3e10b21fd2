"""Runs pytest in a new base directory, under conditions that no test may depend on.

The base directory's name has random letters and a random length, so that a test that depends on either fails at some
time. The directory is removed if all tests pass. Unknown arguments are passed to pytest.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import ctypes
import os
import random
import shlex
import signal
import stat
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from removing import remove_tree

PROJECT = Path(__file__).resolve().parent.parent
_ORDINARY_USER = 12345
_LETTERS = string.ascii_letters + string.digits
# With /tmp/, the path has 8 to 85 characters.
_NAME_LENGTHS = (3, 80)


def main() -> int:
    """Run the tests and return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="the base directory, to run again what failed in it")
    parser.add_argument("--umask", type=lambda text: int(text, 8), help="the umask, in octal digits")
    parser.add_argument("--as-user", action="store_true", help="if this is root, run as an ordinary user")
    parser.add_argument("--beside", type=int, default=0, metavar="N", help="run beside so many busy processes")
    options, pytest_arguments = parser.parse_known_args()
    base: Path = (options.base or _new_base()).absolute()
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    print(f"pytest's base directory: {base}", flush=True)
    if options.umask is not None:
        os.umask(options.umask)
    # pytest empties its base directory first, so it gets a subdirectory.
    command = [sys.executable, "-m", "pytest", "-q", f"--basetemp={base / 'pytest'}", *pytest_arguments]
    environment = dict(os.environ)
    # Hundreds of processes import esmcache, and some may not write what they compile.
    for directory in ("cache", "server"):
        compileall.compile_dir(PROJECT / directory, quiet=2)
    if options.as_user:
        command = [*_as_ordinary_user(base), *command, "-p", "no:cacheprovider"]
        environment |= _own_places(base)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with _busy_processes(options.beside):
        exit_code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
    if exit_code == 0:
        remove_tree(base)
    else:
        print(f"kept: {base}; the option --base runs the tests in it again", flush=True)
    return exit_code


def _new_base() -> Path:
    name = "".join(random.choice(_LETTERS) for _ in range(random.randint(*_NAME_LENGTHS)))
    return Path(tempfile.gettempdir()) / name


def _own_places(base: Path) -> dict[str, str]:
    """Return the environment variables that keep a user's writes below the base directory."""
    home, temporary = base / "home", base / "tmp"
    for path in (base, home, temporary):
        path.mkdir(mode=0o700, exist_ok=True)
        if os.getuid() == 0:
            os.chown(path, _ORDINARY_USER, _ORDINARY_USER)
    return {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(temporary / "hypothesis"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _as_ordinary_user(base: Path) -> list[str]:
    """Return the prefix of a command that makes an ordinary user run it; empty if this is not root."""
    if os.getuid() != 0:
        return []
    user = str(_ORDINARY_USER)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    needed = [PROJECT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), base]
    closed = {path: top for path in needed if (top := _closed_to_others(path)) is not None}
    if not closed:
        return become
    # A mount namespace of its own is used, so that the directories are not opened to other users.
    script = ["set -e", "kept=$(mktemp -d)", 'mount -t tmpfs -o mode=0755 tmpfs "$kept"']
    for number, path in enumerate(closed):
        script += [f'mkdir "$kept/{number}"', f'mount --bind {shlex.quote(str(path))} "$kept/{number}"']
    for top in sorted({*closed.values()}):
        script += [f"mount -t tmpfs -o mode=0755 tmpfs {shlex.quote(str(top))}"]
    for number, path in enumerate(closed):
        place = shlex.quote(str(path))
        script += [f"mkdir -p {place}", f'mount --bind "$kept/{number}" {place}']
    script += ['umount -R "$kept"', 'rmdir "$kept"', 'exec "$@"']
    return ["unshare", "--mount", "sh", "-c", "\n".join(script), "sh", *become]


def _closed_to_others(path: Path) -> Path | None:
    """Return the topmost directory above `path` that others cannot pass, or None."""
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


@contextlib.contextmanager
def _busy_processes(count: int) -> Iterator[None]:
    """Keep `count` processes busy; they end with this process, however it ends."""
    command: Sequence[str] = [sys.executable, "-S", "-c", "while True: pass"]
    processes = [subprocess.Popen(command, preexec_fn=_end_with_parent) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
