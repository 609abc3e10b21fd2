"""The `esmcache` command; starting a program takes a short way that loads nothing that only other commands need."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    try:
        from esmcache.cli.launch import launch

        exit_code = launch(sys.argv[1:])
        if exit_code is None:
            from esmcache.cli.main import run_command_line

            exit_code = run_command_line(sys.argv[1:])
        return exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
