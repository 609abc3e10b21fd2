"""Emacs with each of the configurations that docs/how-to/editors.md gives."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from editors.conftest import APPS, Lab

# The first start in a new home would ask and report what a user has already answered, and compile what it finds.
_EARLY = "(setq native-comp-enable-subr-trampolines nil native-comp-jit-compilation nil)\n"
_QUIET = """\
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil
      lsp-enable-suggest-server-download nil lsp-auto-guess-root t)
"""


def packages(lab: Lab) -> str:
    """Return what package.el adds to the configuration for installed packages."""
    directories = sorted((lab.directory / "elpa").iterdir())
    paths = [f'(add-to-list \'load-path "{path}")\n' for path in directories]
    autoloads = [f'(load "{file}")\n' for path in directories for file in path.glob("*-autoloads.el")]
    return "".join(paths + autoloads)


def lists_line_2(screen: str) -> bool:
    return re.search(r"^ +2 +\d+ error ", screen, re.MULTILINE) is not None


@pytest.mark.parametrize("name", APPS)
@pytest.mark.parametrize("package", ["eglot", "lsp-mode"])
def test_diagnostic_comes_and_goes(package: str, name: str, lab: Lab, snippet: Callable[[str, str], str]) -> None:
    lab.write_app(name)
    lab.configure(".config/emacs/early-init.el", _EARLY)
    lab.configure(".config/emacs/init.el", _QUIET + packages(lab) + snippet("Emacs", package))
    # Debian's own site files belong to its packages, which are not installed here.
    with lab.open([lab.editor("emacs"), "--no-site-file", name]) as emacs:
        emacs.wait_for("Flymake[1 ")
        emacs.press("M-x")
        emacs.type("flymake-show-buffer-diagnostics")
        emacs.press("Enter")
        emacs.wait_for(lists_line_2)
        emacs.press("M-<", "C-n", "C-k")
        emacs.type('const where = "here";')
        emacs.press("C-x", "C-s")
        emacs.wait_for(lambda screen: "Flymake[0 " in screen and not lists_line_2(screen))
