"""Fetches Node's tests from Debian's source package, and the Node binary of exactly the same version from npm."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

_SUITES = ("testing", "unstable", "experimental")
_MACHINE_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TARBALL = re.compile(r"^'(\S+)' nodejs_(\d+\.\d+\.\d+)\S*\.orig\.tar\.xz \d+ SHA256:(\w+)", re.M)


class FetchError(Exception):
    """The reason why there are no tests for a major version of Node."""


def fetch(line: str, directory: Path, npm: Sequence[str]) -> tuple[Path, Path]:
    """Return the sources and the binary of the newest Node of a line (`24`) that has both; raises FetchError.

    The machine's own package lists stay unchanged. Files that are already in `directory` are used.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for sources in directory.glob(f"{line}.*"):
        if (binary := _binary(sources)).exists():
            return sources, binary
    for url, version, digest in _tarballs(line, directory):
        sources = directory / version
        prefix = sources / "binary"
        command = [*npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"]
        if not _unpack(url, digest, sources):
            continue
        if subprocess.run([*command, prefix, f"node-linux-{_cpu()}@{version}"], check=False).returncode == 0:
            return sources, _binary(sources)
    raise FetchError(f"Debian has no source package of Node {line} to which npm has a binary")


def _tarballs(line: str, directory: Path) -> list[tuple[str, str, str]]:
    """Return URL, version and digest of the source packages of a line, newest first."""
    state = directory.resolve() / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    try:
        mirror = re.findall(r"^URIs:\s*(\S+)", _MACHINE_SOURCES.read_text(encoding="utf-8"), re.M)[0]
    except (OSError, IndexError):
        raise FetchError(f"{_MACHINE_SOURCES} names no mirror; name a copy of Node's sources instead") from None
    lines = [f"deb-src [signed-by={_KEYRING}] {mirror} {suite} main\n" for suite in _SUITES]
    (state / "sources.list").write_text("".join(lines), encoding="utf-8")
    options = {
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    _output(["apt-get", "--quiet=2", *flags, "update"])
    versions = re.findall(r"^Version: (\S+)", _output(["apt-cache", *flags, "showsrc", "nodejs"]), re.M)
    own = sorted({version for version in versions if version.startswith(f"{line}.")}, reverse=True)
    found = []
    for version in own:
        uris = _output(["apt-get", *flags, "--print-uris", "--only-source", "source", f"nodejs={version}"])
        found += [(match[1], match[2], match[3]) for match in _TARBALL.finditer(uris)]
    return found


def _unpack(url: str, digest: str, sources: Path) -> bool:
    """Unpack the tests of a package; return whether the mirror still has it."""
    try:
        with urlopen(url) as answer:
            packed = answer.read()
    except HTTPError:
        return False
    if sha256(packed).hexdigest() != digest:
        raise FetchError(f"{url} is not what Debian's index says")
    sources.mkdir(exist_ok=True)
    # Tests also read some of Node's own tools.
    command = ["tar", "--extract", "--xz", "--strip-components=1", "--wildcards", "node-v*/test", "node-v*/tools"]
    subprocess.run(command, input=packed, cwd=sources, check=True)
    return True


def _binary(sources: Path) -> Path:
    return sources / "binary" / "node_modules" / f"node-linux-{_cpu()}" / "bin" / "node"


def _cpu() -> str:
    return "arm64" if _output(["uname", "-m"]).strip() in ("aarch64", "arm64") else "x64"


def _output(command: Sequence[str | Path]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
