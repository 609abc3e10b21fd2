"""The spelling of specifiers that lead to files: relative, encoded as in a URL, escaped as in a string."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

# Characters that need no encoding in a URL's path, neither in file names nor in Node's own answers.
_PLAIN = "/:@!$&'()*+,;=-._~[]"
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_PATH = re.compile(r"[^?#]*")


def split_specifier(specifier: str) -> tuple[str, str]:
    """Return the path of an imported specifier, and its query and fragment as written."""
    path = _PATH.match(specifier)
    end = path.end() if path else 0
    return specifier[:end], specifier[end:]


def url_path(path: str, like: str = "") -> str:
    """Return a path encoded for a URL.

    Args:
        like: A specifier. Spaces and letters beyond ASCII are not encoded if it has such, too.
    """
    keeps_spaces = " " in like and not path.endswith(" ")
    keeps_letters = not like.isascii()
    return "".join(
        character
        if (character == " " and keeps_spaces) or (character > "\x7f" and character.isprintable() and keeps_letters)
        else quote(os.fsencode(character), safe=_PLAIN)
        for character in path
    )


def relative_path(path: str, home: str) -> str:
    """Return `path` relative to the directory of the file `home`, beginning with `./` or `..` as specifiers do."""
    relative = os.path.relpath(path, os.path.dirname(home))
    return relative if relative.startswith("../") or relative == ".." else "./" + relative


def between_quotes(text: str, quote_mark: str) -> str:
    """Return `text` escaped for JavaScript quotes or backticks."""
    escaped = text.replace("\\", "\\\\").replace(quote_mark, "\\" + quote_mark)
    if quote_mark == "`":
        escaped = escaped.replace("${", "\\${")
    return "".join(_ESCAPES.get(character, character) for character in escaped)
