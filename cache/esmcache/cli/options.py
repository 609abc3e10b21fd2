"""The parts that all commands share: common options before or after a command's name, opening the cache, output."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from esmcache.cli.streams import say_as_is

if TYPE_CHECKING:
    from esmcache.cache import Cache

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class CommonOptions:
    """The options of every command."""

    cache_dir: str | None = None
    node: str | None = None
    jobs: int | None = None
    verbose: bool = False
    quiet: bool = False


def common() -> CommonOptions:
    """Return the common options of the command that is running."""
    return click.get_current_context().find_root().ensure_object(CommonOptions)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    # An option after the command's name overrides one before it. An option that is not given changes nothing.
    if value and parameter.name is not None:
        setattr(context.find_root().ensure_object(CommonOptions), parameter.name, value)


def common_options(command: Function) -> Function:
    """Add the common options to a command or group."""
    options: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("--cache-dir",), {"metavar": "DIR", "help": "The cache directory."}),
        (("--node",), {"metavar": "NODE", "help": "The Node executable, by path or by name in PATH."}),
        (("--jobs",), {"type": click.IntRange(min=1), "metavar": "N", "help": "Processes used for warming."}),
        (("-v", "--verbose"), {"is_flag": True, "help": "Say more."}),
        (("-q", "--quiet"), {"is_flag": True, "help": "Say nothing but errors."}),
    ]
    for names, settings in reversed(options):
        command = click.option(*names, expose_value=False, callback=_remember, **settings)(command)
    return command


def json_option(command: Function) -> Function:
    """Add --json to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@contextlib.contextmanager
def open_cache() -> Iterator[Cache]:
    """Open the cache that the common options name; raises CacheError."""
    from esmcache.cache import Cache

    options = common()
    with Cache.open(cache_dir=options.cache_dir, node=options.node, jobs=options.jobs) as cache:
        yield cache


def say_json(value: object) -> None:
    """Print a value as a JSON document with indentation."""
    say_as_is(json.dumps(value, indent=2))
