"""Our URLs equal those of Node, for the URL test data of web-platform-tests and for made-up texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import EVERYTHING, url_data
from esmcache.file_source import DiskFileSource, file_url_from_path
from esmcache.records import Resolution
from esmcache.resolution import Resolver
from unit.resolution.node_answers import ASK_NODE, ask_node, node_version
from url_comparison import UrlQuestion, node_urls, read_url_data, url_differences

_DATA_BASE = "data:text/javascript,1"
_BASES = ["file:///p/q/m.js", "file:///m.js?x#y", "file:///p/%20/#h", "file:///C:/p/", _DATA_BASE, None]
# Texts between which the rules of the standard differ.
_PIECES = [
    "./", "../", "/", "//", ".", "..", "\\", ":", "#", "?", "%", "%2e", "%2F", "%ff", "%00", "@", "|", "^", "~",
    "[", "]", "[::1]", "{", " ", "\t", "\n", "\0", "\x7f", "\xad", "é", "😀", "Ｌ", "xn--", "127.1", "0x7f",
    "file:", "FILE:", "file:///", "node:", "data:", "https://", "http:", "a:", "localhost", "C:", "c|", "a", "-", "80",
]  # fmt: skip
_TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=6).map("".join)


@pytest.fixture(scope="module")
def questions() -> list[UrlQuestion]:
    return read_url_data(url_data())


def test_the_data_has_urls_of_every_scheme_that_resolution_loads(node: Path, questions: list[UrlQuestion]) -> None:
    schemes = [answer["protocol"] for answer in node_urls(node, questions) if answer is not None]
    assert len(questions) > 800
    assert schemes.count("file:") > 100
    assert schemes.count("data:") > 10


@pytest.mark.every_node
def test_the_data_of_web_platform_tests(any_node: Path, questions: list[UrlQuestion]) -> None:
    # The data has no URL of the scheme node:.
    own = [UrlQuestion(text, base) for text in ("node:fs", "NODE:fs", "node:fs/promises ?x") for base in _BASES]
    # It has no data: URL with a space before the query or the fragment.
    own += [UrlQuestion(text, None) for text in ("data:text/javascript,1 #x", "data:text/javascript,1 \t ?x ")]
    own += [UrlQuestion(text, None) for text in ("data:text/javascript,1%20#x", "data:/x #y", "data:,1 ", "a:b \n#")]
    differences = url_differences(any_node, node_version(any_node)[0], questions + own)
    assert not differences, "\n".join(differences)


# Each example starts Node once.
@pytest.mark.every_node
@settings(max_examples=300 if EVERYTHING else 20)
@given(texts=st.lists(_TEXTS, min_size=1, max_size=40))
def test_made_up_texts(any_node: Path, texts: list[str]) -> None:
    major = node_version(any_node)[0]
    made_up = [UrlQuestion(text, base) for text in texts for base in _BASES if major >= 26 or base != _DATA_BASE]
    differences = url_differences(any_node, major, made_up)
    assert not differences, "\n".join(differences[:20])


@pytest.mark.every_node
def test_specifiers_that_name_no_file_are_refused_as_node_refuses_them(
    any_node: Path, questions: list[UrlQuestion], tmp_path: Path
) -> None:
    # Node loads the specifiers from the script that asks it.
    referrer = file_url_from_path(str(ASK_NODE))
    resolver = Resolver(DiskFileSource(), (), node_version(any_node))
    answers = zip(questions, node_urls(any_node, questions), strict=True)
    # Nodes differ in which hosts that begin with xn-- they accept.
    texts = [
        question.text
        for question, url in answers
        if question.base is None and (url is None or url["protocol"] != "file:") and "xn--" not in question.text.lower()
    ]
    asked = [{"kind": "load", "specifier": text, "referrer": referrer} for text in texts]
    assert len(asked) > 400
    for text, node_says in zip(texts, ask_node(any_node, asked, tmp_path), strict=True):
        ours = resolver.resolve_import(text, referrer)
        assert not isinstance(ours, Resolution), text
        assert {"code": ours.code, "message": ours.message} == node_says, text
