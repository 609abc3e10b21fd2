"""`run` and `hook` for click, which shows their help and checks their usage; most calls go through launch.py."""

from __future__ import annotations

import click

from esmcache.cli import launch
from esmcache.cli.options import common, common_options, json_option, say_json


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="\b\nExample:\n  esmcache run --node node24 app.mjs --port 8080",
)
@click.option("--no-warm", is_flag=True, help="Start no warm in the background for the next start.")
@click.argument("entry")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARG]...")
@common_options
def run(no_warm: bool, entry: str, arguments: tuple[str, ...]) -> int:
    """Start ENTRY served from the cache.

    Each ARG after ENTRY, stdin, exit code and signals belong to the program. Put options for Node itself into
    NODE_OPTIONS. Node loads modules that are not cached, and a warm in the background caches them for the next start.
    """
    options = common()
    given = {"cache_dir": options.cache_dir, "node": options.node}
    chosen = {name: value for name, value in given.items() if value is not None}
    chosen |= {} if options.jobs is None else {"jobs": str(options.jobs)}
    chosen |= {"verbose": "1"} if options.verbose else {}
    chosen |= {"no_warm": "1"} if no_warm else {}
    return launch.run(chosen, entry, arguments)


@click.command(epilog='\b\nExample:\n  node --require "$(esmcache hook)" app.mjs')
@json_option
@common_options
def hook(as_json: bool) -> int:
    """Install the preload and print its path.

    The path stays the same, so it may stand in NODE_OPTIONS. If esmcache is uninstalled, the preload does nothing.
    With --cache-dir, programs use that cache until `hook` or `run` is called without it. For a lasting choice, set
    `cacheDir` in the user's configuration.
    """
    if not as_json:
        return launch.print_hook(common().cache_dir)
    import os

    from esmcache.launch.program import installed_hook

    say_json({"path": str(installed_hook(os.environ, common().cache_dir))})
    return 0
