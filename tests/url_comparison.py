"""Compares our URLs with those of a real Node, and reads the URL test data of web-platform-tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from esmcache.resolution.errors import NodeError
from esmcache.resolution.urls import Url, as_node_22, parse_url

_ASK_NODE = """
    const { fileURLToPath } = require('node:url');
    function path(url) {
      try {
        return fileURLToPath(url);
      } catch (error) {
        return { code: error.code ?? error.name };
      }
    }
    const questions = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
    console.log(JSON.stringify(questions.map(([text, base]) => {
      const url = URL.parse(text, base ?? undefined);
      if (url === null) return null;
      const { href, protocol, pathname, search, hash } = url;
      return { href, protocol, pathname, search, hash, file: protocol === 'file:' ? path(url) : null };
    })));
"""
Answer = dict[str, Any] | None


class UrlQuestion(NamedTuple):
    """A text, and the URL that it is relative to."""

    text: str
    base: str | None


def read_url_data(path: Path) -> list[UrlQuestion]:
    """Return the questions in a file such as `urltestdata.json`; what it expects is left to Node."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [UrlQuestion(entry["input"], entry["base"]) for entry in entries if isinstance(entry, dict)]


def node_urls(node: Path, questions: Iterable[UrlQuestion]) -> list[Answer]:
    """Return what a Node makes of each question."""
    result = subprocess.run(
        [node, "-e", _ASK_NODE], input=json.dumps(list(questions)).encode(), capture_output=True, check=True
    )
    answers: list[Answer] = json.loads(result.stdout)
    return answers


def our_url(question: UrlQuestion, major: int) -> Answer:
    """Return what we make of a question for a major version of Node, in the shape of Node's answers."""
    base = parse_url(question.base) if question.base is not None else None
    if question.base is not None and base is None:
        return None
    url = parse_url(question.text, base)
    if url is None:
        return None
    if major == 22:
        url = as_node_22(url, question.text)
    return {
        "href": url.href,
        "protocol": f"{url.scheme}:",
        "pathname": url.path,
        "search": "" if url.search == "?" else url.search,
        "hash": "" if url.hash == "#" else url.hash,
        "file": _file_path(url) if url.scheme == "file" else None,
    }


def url_differences(node: Path, major: int, questions: list[UrlQuestion]) -> list[str]:
    """Return one line for each question that we answer otherwise than Node, but for what urls.py says of old Nodes."""
    found = []
    for question, theirs in zip(questions, node_urls(node, questions), strict=True):
        ours = our_url(question, major)
        if major < 26 and theirs is None and ours is not None and "xn--" in ours["href"]:
            continue
        if major == 22:
            ours, theirs = _with_caret(ours), _with_caret(theirs)
        if ours != theirs:
            found.append(f"{question!r}: Node {theirs!r}, ours {ours!r}")
    return found


def _file_path(url: Url) -> str | dict[str, str]:
    try:
        return url.file_path()
    except NodeError as error:
        return {"code": error.code}


def _with_caret(answer: Answer) -> Answer:
    if answer is None:
        return None
    return {**answer, **{name: answer[name].replace("%5E", "^") for name in ("href", "pathname")}}
