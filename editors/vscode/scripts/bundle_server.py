"""Puts the project's wheel and all it needs into bundled/, for one platform and every supported version of Python.

The parts that are compiled carry the version of Python in their names, so those of all versions lie side by side.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXTENSION = Path(__file__).resolve().parent.parent
PROJECT = EXTENSION.parent.parent
BUNDLED = EXTENSION / "bundled"

PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# Targets of `vsce package --target`, with the platforms whose wheels run there.
PLATFORMS = {
    "linux-x64": ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64"),
    "linux-arm64": ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "manylinux_2_28_aarch64"),
}
# The server never imports these files: pip (required by sqlite-utils), all of cffi but its compiled part (required by
# ada-url), sources of compiled modules, and metadata that only pip reads.
LEFT_OUT = (
    *("bin", "pip", "pip-*.dist-info", "regex/tests"),
    *("cffi", "pycparser", "pycparser-*.dist-info", "docs", "ada_url/*.cpp", "ada_url/*.h"),
    *("*.dist-info/RECORD", "*.dist-info/REQUESTED"),
)


def main() -> int:
    """Bundle for the target that is named; return the exit code."""
    parser = argparse.ArgumentParser(description="Bundle the language server with the extension.")
    parser.add_argument("--target", choices=PLATFORMS, default="linux-x64")
    target = parser.parse_args().target
    shutil.rmtree(BUNDLED, ignore_errors=True)
    wheel = build_wheel(BUNDLED / "wheel")
    for version in PYTHON_VERSIONS:
        with tempfile.TemporaryDirectory() as directory:
            install(wheel, Path(directory), version, PLATFORMS[target])
            shutil.copytree(directory, BUNDLED / "libs", dirs_exist_ok=True)
    for pattern in LEFT_OUT:
        for path in BUNDLED.joinpath("libs").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return 0


def build_wheel(directory: Path) -> Path:
    """Return the wheel of the project, built with the tools of its environment."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(PROJECT))
    (wheel,) = directory.glob("*.whl")
    return wheel


def install(wheel: Path, directory: Path, version: str, platforms: tuple[str, ...]) -> None:
    """Install the wheel and what it needs into `directory`, in the versions with which the project is tested."""
    chosen = [option for platform in platforms for option in ("--platform", platform)]
    constraints = ("--constraint", str(PROJECT / "requirements-dev.txt"))
    python = ("--implementation", "cp", "--python-version", version, "--only-binary", ":all:")
    pip("install", "--no-compile", "--target", str(directory), *python, *chosen, *constraints, str(wheel))


def pip(command: str, *arguments: str) -> None:
    """Run pip quietly; ends the program where it fails."""
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", command, *quiet, *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
