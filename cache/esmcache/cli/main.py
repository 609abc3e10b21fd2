"""The group of all commands: it imports a command only when it is used, and turns every failure into one line."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from esmcache.cli.options import common_options
from esmcache.cli.streams import complain, drain_stdout, fail
from esmcache.errors import CacheError

# Each command, its module and function, and its summary in `esmcache --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "warm": ("warm:warm", "Analyse, compile and store modules and all they reach."),
    "run": ("start:run", "Start a program, served from the cache."),
    "hook": ("start:hook", "Install the preload for node --require and print its path."),
    "analyze": ("modules:analyze", "Print what modules import and export."),
    "resolve": ("modules:resolve", "Print what Node would load for a specifier."),
    "get": ("modules:get", "Write the BMES cache of one module."),
    "inspect": ("modules:inspect", "Print what a BMES cache consists of."),
    "explain": ("modules:explain", "Print why a module is or is not served."),
    "export": ("export:export", "Fill a compile-cache directory for plain Node."),
    "verify": ("upkeep:verify", "Look for damage in the cache."),
    "stats": ("upkeep:stats", "Print what is cached and how it was used."),
    "gc": ("upkeep:gc", "Bring the cache under its size limit."),
    "clear": ("upkeep:clear", "Remove everything that is cached."),
    "doctor": ("doctor:doctor", "Check Node, the cache, the hook, and a program."),
}
_ENVIRONMENT = """\b
Environment:
  ESMCACHE_DIR            the cache directory, an absolute path
  ESMCACHE_NODE           Node: an absolute path, or a name in PATH
  ESMCACHE_DISABLE        1: programs are not served
  ESMCACHE_UNTESTED_NODE  1: programs are served by a Node that is newer
                          than the tested ones, too
  ESMCACHE_LOG            debug: programs print on stderr what was served;
                          an absolute path: they append it to that file

\b
Example:
  esmcache run app.mjs"""


class _LazyGroup(click.Group):
    """Finds commands in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or return None if no command has that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"esmcache.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib import metadata

        click.echo(f"esmcache {metadata.version('esmcache')}")
        context.exit()


@click.group(cls=_LazyGroup, epilog=_ENVIRONMENT, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@common_options
def cli() -> None:
    """Start Node programs faster, from ES modules that were analysed and compiled before.

    Exit codes: 0 done, 1 something that was asked for failed, 2 wrong usage.
    """


def run_command_line(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; every failure is one line on stderr."""
    try:
        answer = cli.main(list(arguments), prog_name="esmcache", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        for line in error.format_message().split("\n"):
            complain(line)
        return 2
    except click.UsageError as error:
        command = "esmcache" if error.ctx is None else error.ctx.command_path
        fail(f"{_on_one_line(error.format_message())} (see {command} --help)")
        return 2
    except click.ClickException as error:
        return fail(_on_one_line(error.format_message()))
    except (KeyboardInterrupt, click.Abort):
        return 130
    except CacheError as error:
        return fail(str(error))
    except OSError as error:
        # The error has no file name if click could not write its own output, the help.
        where = error.filename or ("" if drain_stdout() else "standard output")
        return fail(f"{where}: {error.strerror or error}" if where else error.strerror or str(error))
    except Exception as error:
        if "-v" in arguments or "--verbose" in arguments:
            raise
        return fail(f"internal error: {type(error).__name__}: {error} (-v shows where)")


def _on_one_line(message: str) -> str:
    return " ".join(message.split("\n"))
