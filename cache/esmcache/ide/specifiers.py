"""How a specifier is written that leads to a file: relative, encoded as in a URL, escaped as in a string."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

# What stands in a URL's path for itself, in a file's name as in Node's own answers.
_PLAIN = "/:@!$&'()*+,;=-._~[]"
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_PATH = re.compile(r"[^?#]*")


def split_specifier(specifier: str) -> tuple[str, str]:
    """Return the path of an imported specifier, and its query and fragment as they are written."""
    path = _PATH.match(specifier)
    end = path.end() if path else 0
    return specifier[:end], specifier[end:]


def url_path(path: str, like: str = "") -> str:
    """Return a path as it stands in a URL; spaces and letters beyond ASCII stay as they are if `like` has such."""
    keeps_spaces = " " in like and not path.endswith(" ")
    keeps_letters = not like.isascii()
    return "".join(
        character
        if (character == " " and keeps_spaces) or (character > "\x7f" and character.isprintable() and keeps_letters)
        else quote(os.fsencode(character), safe=_PLAIN)
        for character in path
    )


def relative_path(path: str, home: str) -> str:
    """Return `path` as seen from the directory of the file `home`, with the dots that a specifier begins with."""
    relative = os.path.relpath(path, os.path.dirname(home))
    return relative if relative.startswith("../") or relative == ".." else "./" + relative


def between_quotes(text: str, quote_mark: str) -> str:
    """Return what stands for `text` between quotes, or backticks, in JavaScript."""
    escaped = text.replace("\\", "\\\\").replace(quote_mark, "\\" + quote_mark)
    if quote_mark == "`":
        escaped = escaped.replace("${", "\\${")
    return "".join(_ESCAPES.get(character, character) for character in escaped)
