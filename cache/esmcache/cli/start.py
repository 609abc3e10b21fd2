"""`run` and `hook` for click, which shows their help and checks their usage; most calls go through launch.py."""

from __future__ import annotations

import click

from esmcache.cli import launch
from esmcache.cli.options import common, common_options, json_option, say_json


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="\b\nExample:\n  esmcache run --node node24 app.mjs --port 8080",
)
@click.option("--no-warm", is_flag=True, help="Do not warm in the background what is not served yet.")
@click.argument("entry")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARG]...")
@common_options
def run(no_warm: bool, entry: str, arguments: tuple[str, ...]) -> int:
    """Start ENTRY served from the cache.

    All that follows ENTRY is its own, as are stdin, exit code and signals. Options for Node itself go into
    NODE_OPTIONS. What is not cached is loaded by Node as ever, and warmed in the background for the next start.
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

    The path stays the same, and may stand in NODE_OPTIONS: without esmcache the preload does nothing. With
    --cache-dir programs use that cache until `hook` or `run` is called without; `cacheDir` in the user's
    configuration lasts.
    """
    if not as_json:
        return launch.print_hook(common().cache_dir)
    import os

    from esmcache.launch.program import installed_hook

    say_json({"path": str(installed_hook(os.environ, common().cache_dir))})
    return 0
