"""Packs that are rewritten without dead texts, and the manifests that point into them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from esmcache.file_source import Fingerprint
from esmcache.records import InputKind, ResolutionInput
from esmcache.serving.compaction import compact_packs, with_moved_packs
from esmcache.serving.layout import ASKED_BY_IMPORT, ServedKind
from esmcache.serving.manifest import (
    FileFact,
    Manifest,
    ManifestModule,
    ManifestRequest,
    check_manifest,
    encode_manifest,
    manifest_packs,
)
from esmcache.serving.pack import (
    PackedSource,
    append_sources,
    family_of,
    held_places,
    pack_family,
    pack_fingerprint,
    read_source,
    scan_pack,
)

TEXTS = {
    "plain.mjs": b"export const plain = 1;",
    "latin.mjs": "export const latin = 'é';".encode(),
    "wide.mjs": "export const wide = '\N{SNOWMAN}';".encode(),
    "marked.mjs": b"\xef\xbb\xbfexport const marked = 2;",
    "empty.mjs": b"",
}
DIGESTS = {name: sha256(text).digest() for name, text in TEXTS.items()}
PACKAGE = pack_family("package@1.0.0")
WORKSPACE = pack_family("/project")


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    directory = tmp_path / "packs"
    directory.mkdir()
    return directory


def append(packs: Path, family: str, *names: str) -> dict[str, PackedSource]:
    placed = append_sources(packs, family, [(DIGESTS[name], TEXTS[name]) for name in names])
    return dict(zip(names, placed, strict=True))


def manifest_of(places: dict[str, PackedSource], pack_facts: dict[str, Fingerprint]) -> bytes:
    inputs = (
        ResolutionInput(InputKind.ABSENT, "/project/node_modules"),
        ResolutionInput(InputKind.FILE, "/project/\N{SNOWMAN}.mjs"),
    )
    requests = (ManifestRequest("./plain.mjs", ASKED_BY_IMPORT, 0, inputs),)
    modules = [
        ManifestModule(
            f"file:///project/{name}",
            f"/project/{name}",
            ServedKind.MODULE,
            FileFact(Fingerprint(len(TEXTS[name]), 1.5, 2.5, number), DIGESTS[name], True),
            places.get(name),
            requests,
        )
        for number, name in enumerate(TEXTS)
    ]
    directories = {"/project": Fingerprint(0, 3.5, 4.5, 9)}
    return encode_manifest(Manifest("/project/plain.mjs\0v24.0.0\0x64", modules, {}, directories, pack_facts, 7))


def test_a_moved_manifest_is_the_one_that_a_warm_would_make(packs: Path) -> None:
    before = append(packs, WORKSPACE, "plain.mjs", "latin.mjs", "wide.mjs", "marked.mjs")
    before |= append(packs, PACKAGE, "empty.mjs")
    old = before["plain.mjs"].pack
    live = [(DIGESTS[name], before[name]) for name in ("wide.mjs", "marked.mjs", "plain.mjs")]
    moved = compact_packs(packs, WORKSPACE, {old: live})
    assert moved is not None and moved.name != old and family_of(moved.name) == family_of(old) == WORKSPACE
    after = {name: moved.places.get(DIGESTS[name], place) for name, place in before.items() if name != "latin.mjs"}
    facts = {old: Fingerprint(1, 1.0, 1.0, 1)}
    other = before["empty.mjs"].pack
    for given, expected in (
        ({}, {moved.name: moved.fingerprint}),
        (facts, {moved.name: moved.fingerprint}),
        (facts | {other: Fingerprint(2, 2.0, 2.0, 2)},) * 2,
    ):
        expected = {name: fact for name, fact in expected.items() if name != old} | {moved.name: moved.fingerprint}
        made = with_moved_packs(manifest_of(before, given), {old: moved})
        assert made == manifest_of(after, expected)
        assert made is not None and check_manifest(made) is not None
        assert manifest_packs(made) == (moved.name, other)


def test_a_moved_pack_holds_the_same_texts(packs: Path) -> None:
    before = append(packs, WORKSPACE, *TEXTS)
    (old,) = {place.pack for place in before.values()}
    moved = compact_packs(packs, WORKSPACE, {old: [(DIGESTS[name], place) for name, place in before.items()]})
    assert moved is not None
    assert pack_fingerprint(packs, moved.name) == moved.fingerprint
    for name, text in TEXTS.items():
        assert read_source(packs, moved.places[DIGESTS[name]]) == text.removeprefix(b"\xef\xbb\xbf")
    assert (packs / moved.name).stat().st_mode & 0o777 == 0o600
    assert [found for found in scan_pack(packs / moved.name) if not isinstance(found, tuple)] == []


def test_a_text_that_differs_from_its_sha256_is_left_out(packs: Path) -> None:
    before = append(packs, WORKSPACE, "plain.mjs", "latin.mjs")
    old = before["plain.mjs"].pack
    content = bytearray((packs / old).read_bytes())
    content[before["latin.mjs"].offset] ^= 1
    (packs / old).write_bytes(content)
    moved = compact_packs(packs, WORKSPACE, {old: [(DIGESTS[name], place) for name, place in before.items()]})
    assert moved is not None and list(moved.places) == [DIGESTS["plain.mjs"]]
    made = with_moved_packs(manifest_of(before, {}), {old: moved})
    # Node loads the text that was left out.
    assert made == manifest_of({"plain.mjs": moved.places[DIGESTS["plain.mjs"]]}, {moved.name: moved.fingerprint})


def test_two_packs_of_a_family_become_one(packs: Path) -> None:
    first = append(packs, WORKSPACE, "plain.mjs", "latin.mjs")
    old = first["plain.mjs"].pack
    aside = (packs / old).rename(packs.parent / old)
    second = append(packs, WORKSPACE, "wide.mjs")
    aside.rename(packs / old)
    live = {old: [(DIGESTS["plain.mjs"], first["plain.mjs"])]}
    live[second["wide.mjs"].pack] = [(DIGESTS["wide.mjs"], second["wide.mjs"])]
    moved = compact_packs(packs, WORKSPACE, live)
    assert moved is not None and moved.places.keys() == {DIGESTS["plain.mjs"], DIGESTS["wide.mjs"]}


@pytest.mark.parametrize("damage", ["cut", "flipped", "another order"])
def test_a_damaged_manifest_is_left_alone(packs: Path, damage: str) -> None:
    before = append(packs, WORKSPACE, *TEXTS)
    (old,) = {place.pack for place in before.values()}
    moved = compact_packs(packs, WORKSPACE, {old: [(DIGESTS["plain.mjs"], before["plain.mjs"])]})
    assert moved is not None
    content = bytearray(manifest_of(before, {}))
    if damage == "cut":
        del content[-8:]
    else:
        content[200 if damage == "flipped" else 15 * 4] ^= 1
    assert with_moved_packs(bytes(content), {old: moved}) is None


def test_places_are_kept_only_if_the_pack_confirms_them(packs: Path) -> None:
    places = append(packs, WORKSPACE, *TEXTS)
    wanted = [(DIGESTS[name], place) for name, place in places.items()]
    (name,) = {place.pack for place in places.values()}
    seen = pack_fingerprint(packs, name)
    for proven in (seen, None):
        assert list(held_places(packs, name, wanted, proven)) == wanted
        digest, place = wanted[0]
        for wrong in (
            (DIGESTS["wide.mjs"], place),
            (digest, replace(place, offset=place.offset + 8)),
            (digest, replace(place, offset=place.offset - 64)),
            (digest, replace(place, offset=1 << 62)),
            (digest, replace(place, length=place.length + 1)),
            (digest, replace(place, length=-1)),
            (digest, replace(place, length=1 << 40)),
            (digest, replace(place, checksum=place.checksum ^ 1)),
            (digest, replace(place, one_byte=False)),
        ):
            assert list(held_places(packs, name, [wrong], proven)) == []
    assert list(held_places(packs, "absent.pack", wanted, seen)) == []


def test_texts_of_a_changed_pack_are_hashed(packs: Path) -> None:
    places = append(packs, WORKSPACE, "plain.mjs", "latin.mjs")
    wanted = [(DIGESTS[name], place) for name, place in places.items()]
    name = places["plain.mjs"].pack
    seen = pack_fingerprint(packs, name)
    content = bytearray((packs / name).read_bytes())
    content[places["plain.mjs"].offset] ^= 1
    (packs / name).write_bytes(content)
    assert list(held_places(packs, name, wanted, seen)) == wanted[1:]


def test_no_two_packs_have_the_same_name(packs: Path) -> None:
    names = set()
    for _ in range(20):
        names.add(append(packs, WORKSPACE, "plain.mjs")["plain.mjs"].pack)
        for path in packs.glob("*.pack"):
            path.unlink()
    assert len(names) == 20 and {family_of(name) for name in names} == {WORKSPACE}
    assert family_of(f"{WORKSPACE}.pack") == WORKSPACE
