"""Commands about single modules: `analyze`, `resolve`, `get`, `inspect` and `explain`."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from esmcache.cli.options import common_options, json_option, open_cache, say_json
from esmcache.cli.streams import complain, say, write_out
from esmcache.errors import CacheError

if TYPE_CHECKING:
    from esmcache.cache import Cache
    from esmcache.query.lookup import Explanation
    from esmcache.records import Resolution, ResolutionFailure

_CHUNK = 1 << 16


@click.command(epilog="\b\nExamples:\n  esmcache analyze app.mjs\n  find src -name '*.mjs' | esmcache analyze --json -")
@json_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@common_options
def analyze(as_json: bool, files: tuple[str, ...]) -> int:
    """Print what each FILE imports and exports as an ES module.

    With --json one object a line. `-` reads file names from stdin, one a line, and answers each as it comes.
    Fails (1) if a file cannot be read or has an error.
    """
    from esmcache.cli import descriptions

    failed = False
    with open_cache() as cache:
        for path in _named(files):
            described = cache.describe(path)
            failed = failed or described.error is not None
            if as_json:
                say(descriptions.as_json_line(described))
            else:
                descriptions.print_description(described)
    return int(failed)


@click.command(epilog="\b\nExample:\n  esmcache resolve lodash-es/map.js --from src/app.mjs")
@json_option
@click.option("--from", "referrer", metavar="FILE", help="The importing module, a path or file: URL.")
@click.option("--conditions", multiple=True, metavar="NAME", help="As node's --conditions.")
@click.argument("specifier", metavar="SPECIFIER|-")
@common_options
def resolve(as_json: bool, referrer: str | None, conditions: tuple[str, ...], specifier: str) -> int:
    """Print the URL that Node would load for `import SPECIFIER` in FILE.

    `-` reads lines {"parent","specifier"} from stdin and answers each as it comes with {"url"} or
    {"error":{"code","message"}}. Fails (1) if anything cannot be resolved.
    """
    if specifier == "-" and referrer is None:
        with open_cache() as cache:
            return _resolve_lines(cache, conditions)
    if referrer is None:
        raise click.UsageError("--from is missing")
    with open_cache() as cache:
        answer = cache.resolve(specifier, referrer, conditions)
    found = _answer_to_json(answer)
    if as_json:
        say_json(found)
    elif "url" in found:
        say(found["url"])
    else:
        complain(f"esmcache: {found['error']['code']}: {found['error']['message']}")
    return int("error" in found)


@click.command(epilog="\b\nExample:\n  esmcache get app.mjs -o app.cache")
@click.option("-o", "--output", metavar="OUT", help="The file to write; stdout if none is given.")
@click.option("--no-bytecode", is_flag=True, help="Leave out the code cache, for a reader of another engine.")
@click.argument("file")
@common_options
def get(output: str | None, no_bytecode: bool, file: str) -> int:
    """Write the BMES cache of FILE; a module that is not cached is cached first."""
    to_stdout = output in (None, "-")
    if to_stdout and sys.stdout.isatty():
        raise click.UsageError("a BMES cache is binary: write it to a file with -o OUT, or redirect stdout")
    with open_cache() as cache:
        content = cache.get(file, with_bytecode=not no_bytecode)
    if to_stdout:
        write_out(content)
    else:
        _write(Path(str(output)), content)
    return 0


@click.command(epilog="\b\nExample:\n  esmcache inspect app.mjs")
@json_option
@click.argument("file")
@common_options
def inspect(as_json: bool, file: str) -> int:
    """Print every section of a BMES file, or of the cache of a module."""
    from esmcache.cli import descriptions

    with open_cache() as cache:
        inspection = cache.inspect(Path(file))
    if as_json:
        say_json(descriptions.inspection_to_json(inspection))
    else:
        descriptions.print_inspection(inspection)
    return 0


@click.command(epilog="\b\nExample:\n  esmcache explain src/app.mjs")
@json_option
@click.argument("file")
@common_options
def explain(as_json: bool, file: str) -> int:
    """Print why FILE is or is not served: what changed, which entry points load it, and the parts of its keys."""
    with open_cache() as cache:
        answer = cache.explain(file)
    if as_json:
        say_json({**asdict(answer), "state": answer.state.value})
    else:
        _print_explanation(answer)
    return int(answer.state.value == "cold" and not os.path.exists(_path_of(file)))


def _path_of(file: str) -> str:
    from esmcache.file_source import path_from_file_url

    return path_from_file_url(file) or file


def _print_explanation(answer: Explanation) -> None:
    say(answer.url)
    say(f"  {answer.verdict}: {answer.reason}")
    say(f"  state: {answer.state.value}")
    sections: list[tuple[str, Iterable[str]]] = [
        ("at starts of", answer.starts),
        ("changed", answer.changed),
        ("missed by starts", answer.missed),
        ("entry points that load it", answer.entry_points),
        ("requests that cannot be resolved", (f"{name}: {code}: {text}" for name, code, text in answer.unresolved)),
    ]
    sections += [
        (f"key of its {what}", (f"{name}: {value}" for name, value in ingredients))
        for what, ingredients in answer.ingredients.items()
    ]
    for heading, lines in sections:
        found = list(lines)
        if found:
            say(f"  {heading}:")
        for line in found:
            say(f"    {line}")


def _named(files: Sequence[str]) -> Iterator[str]:
    for file in files:
        if file != "-":
            yield file
            continue
        for line in sys.stdin.buffer:
            name = line.rstrip(b"\r\n")
            if name:
                yield os.fsdecode(name)


def _resolve_lines(cache: Cache, conditions: Sequence[str]) -> int:
    failed = False
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        # Files may have changed while this process waited for the next line.
        resolver = cache.resolver(conditions) if lines else None
        for line in lines:
            failed = _resolve_line(resolver, line) or failed
    return int(_resolve_line(cache.resolver(conditions), rest) or failed)


def _resolve_line(resolver: Any, line: bytes) -> bool:
    """Answer one line and return whether it could not be resolved."""
    from esmcache.module_url import as_referrer_url

    if not line.strip():
        return False
    try:
        question = json.loads(line)
        parent, specifier = question["parent"], question["specifier"]
        if not isinstance(parent, str) or not isinstance(specifier, str):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        message = 'a line must be {"parent": string, "specifier": string}'
        found: dict[str, Any] = {"error": {"code": "ERR_INVALID_ARG_VALUE", "message": message}}
    else:
        try:
            found = _answer_to_json(resolver.resolve_import(specifier, as_referrer_url(parent)))
        except CacheError as error:
            found = {"error": {"code": "ERR_INVALID_ARG_VALUE", "message": str(error)}}
    say(json.dumps(found, separators=(",", ":")))
    return "error" in found


def _answer_to_json(answer: Resolution | ResolutionFailure) -> dict[str, Any]:
    from esmcache.records import ResolutionFailure

    if isinstance(answer, ResolutionFailure):
        return {"error": {"code": answer.code, "message": answer.message}}
    return {"url": answer.resolved_url}


def _write(path: Path, content: bytes) -> None:
    """Write a whole file that only its owner can write; if `path` is a device or a pipe, write into it."""
    from esmcache.private_files import write_whole

    if not path.parent.is_dir():
        raise CacheError(f"{path.parent}: no such directory")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        path.write_bytes(content)
        return
    mask = os.umask(0o022)
    os.umask(mask)
    write_whole(path, content, mode=0o644 & ~mask)
