"""A cache with the rows and files of a warm, made quickly, without Node, and in any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from esmcache.cache_directory import CacheDirectory
from esmcache.engines.node.compile_cache_layout import encode_entry, entry_name
from esmcache.file_source import Fingerprint
from esmcache.maintain.collect import Collected, collect
from esmcache.maintain.domain_directory import DomainDirectory, engine_tag_of
from esmcache.maintain.files import used_bytes
from esmcache.maintain.pack_rows import pack_entry_row
from esmcache.private_files import write_whole
from esmcache.records import ModuleFormat
from esmcache.serving.layout import ServedKind
from esmcache.serving.manifest import FileFact, Manifest, ManifestModule, encode_manifest
from esmcache.serving.names import manifest_identity, manifest_name
from esmcache.serving.pack import PackedSource, append_sources, pack_family
from esmcache.store.blobs import BlobStore
from esmcache.store.code_caches import CodeCacheStore
from esmcache.store.index import Index
from esmcache.store.rows import (
    AnalysisRow,
    BlobRow,
    CodeCacheLinkRow,
    EntryPointRow,
    ExportRow,
    InputRow,
    ModuleRow,
    PackageRow,
    RequestRow,
    VerdictRow,
)

TAG = "v24.0.0-x64-1a2b3c4d-0"
_KIND = ModuleFormat.MODULE


@dataclass
class MadeUpCache:
    """A cache directory and its open index; each module's record, code cache and source have about `size` bytes."""

    path: Path
    size: int = 1000
    root: str = "/project"
    index: Index = field(init=False)
    directory: CacheDirectory = field(init=False)

    def __post_init__(self) -> None:
        self.path.mkdir(mode=0o700)
        self.directory = CacheDirectory(self.path)
        self.index = Index(self.directory.index_path)
        self._blobs = BlobStore(self.directory.blobs_path)
        self._code = CodeCacheStore(self.directory.code_path)
        self._places: dict[bytes, PackedSource] = {}

    @property
    def place(self) -> str:
        """Return the path of this project's directory below v8/."""
        return f"{sha256(self.root.encode()).hexdigest()[:32]}/{TAG}"

    @property
    def used(self) -> int:
        """Return the size of all files in bytes."""
        return used_bytes(self.directory)

    def url(self, name: str) -> str:
        """Return the URL of a module of the project."""
        return f"file://{self.root}/{name}"

    def source(self, text: str) -> bytes:
        """Return a module's source that contains `text`."""
        return f"export default '{text}'; //".encode().ljust(self.size, b".")

    def save(self, modules: dict[str, str]) -> None:
        """Store modules, given by name and the text of their source, as a save does; rows of earlier texts stay."""
        sources = {name: self.source(text) for name, text in modules.items()}
        digests = {name: sha256(source).digest() for name, source in sources.items()}
        new = {digests[name]: source for name, source in sources.items() if digests[name] not in self._places}
        places = append_sources(self.directory.packs_path, pack_family(self.root), list(new.items()))
        self._places |= zip(new, places, strict=True)
        tag = engine_tag_of(self.place)
        blobs, caches = [], []
        for digest, source in new.items():
            key = digest.hex()
            self._blobs.write(key, source)
            blobs.append(BlobRow(key, sha256(source).digest(), len(source), 0.0, 0.0, 0.0, 0))
            caches.append(self._code.write(tag, _KIND.value, digest, encode_entry(source, source), 0))
        index = self.index
        with index.transaction():
            index.put([PackageRow(self.root, "", "")])
            index.put(
                [
                    ModuleRow(
                        self.url(name),
                        f"{self.root}/{name}",
                        _KIND.value,
                        self.size,
                        1.0,
                        1.0,
                        1,
                        1,
                        digest,
                        self.root,
                        "",
                        1.0,
                    )
                    for name, digest in digests.items()
                ]
            )
            index.put([RequestRow(self.url(name), 0, "./x", 1, "", self.url("x"), "", "", name) for name in modules])
            index.put([InputRow(name, 0, "absent", f"{self.root}/node_modules/{name}", "") for name in modules])
            index.put([AnalysisRow(one, _KIND.value, 1, 1, "[]", "[]", "[]", one.hex()) for one in new])
            index.put([VerdictRow(tag, _KIND.value, one, "ok", "", 0, 0, "{}") for one in new])
            index.put([ExportRow(one, 0, "default", "", "") for one in new])
            index.put([pack_entry_row(one, self._places[one]) for one in new])
            index.put(blobs)
            index.put(caches)
            index.put(
                [
                    CodeCacheLinkRow(self.place, self._name(name), self.url(name), _KIND.value, digest)
                    for name, digest in digests.items()
                    if any(True for _ in self.index.where(CodeCacheLinkRow, "url", [self.url(name)]))
                ]
            )

    def _name(self, name: str) -> str:
        return entry_name(_KIND, self.url(name))

    def add_entry_point(self, entry: str, members: Iterable[str], used_at: float) -> str:
        """Write the manifest of an entry point whose modules were stored, and return the manifest's name."""
        urls = {self.url(name): name for name in members}
        rows = {row.url: row for row in self.index.where(ModuleRow, "url", urls)}
        identity = manifest_identity(f"{self.root}/{entry}", "v24.0.0", "x64", [])
        modules = [self._manifest_module(rows[url]) for url in urls]
        content = encode_manifest(Manifest(identity, modules, {}, {}, {}, 1))
        manifest = manifest_name(identity)
        write_whole(self.directory.manifests_path / manifest, content)
        domain = self.place.partition("/")[0]
        with self.index.transaction():
            self.index.put(
                [
                    EntryPointRow(
                        manifest,
                        f"{self.root}/{entry}",
                        engine_tag_of(self.place),
                        "v24.0.0",
                        "x64",
                        "",
                        domain,
                        len(urls),
                        used_at,
                        used_at,
                    )
                ]
            )
            self.index.put_entry_modules(manifest, urls)
            self.index.put(
                [
                    CodeCacheLinkRow(self.place, self._name(name), url, _KIND.value, rows[url].source_sha256)
                    for url, name in urls.items()
                ]
            )
        self.fill()
        return manifest

    def _manifest_module(self, row: ModuleRow) -> ManifestModule:
        fact = FileFact(Fingerprint(row.size, row.mtime_ms, row.ctime_ms, row.inode), row.source_sha256, True)
        return ManifestModule(row.url, row.path, ServedKind.MODULE, fact, self._places[row.source_sha256], ())

    def fill(self) -> None:
        """Fill the compile-cache directory that Node uses."""
        DomainDirectory(self.directory, self.index, self.place, self._code).write()

    def collect(self, max_size: int = 1 << 40) -> Collected:
        """Bring the cache below a size limit in bytes."""
        return collect(self.directory, self.index, max_size)

    def counts(self, row_types: Sequence[type]) -> dict[str, int]:
        """Return the number of rows of some types."""
        return {row_type.__name__: sum(1 for _ in self.index.all(row_type)) for row_type in row_types}
