"""Which files of the repository are in the site, and where: a hook of MkDocs, which mkdocs.yml names.

MkDocs takes files below `docs` only. This hook adds pages from elsewhere and names every file by its path in the
repository. MkDocs then resolves the links between all of them, and the same links work on the repository's pages.
"""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

# By path in the repository: the page's path in the site.
PAGES = {
    "README.md": "overview.html",
    "ARCHITECTURE.md": "explanation/architecture.html",
    "CHANGELOG.md": "changelog.html",
    "CONTRIBUTING.md": "contributing.html",
    "SECURITY.md": "security-policy.html",
    "editors/neovim/README.md": "how-to/neovim.html",
    "editors/vscode/README.md": "how-to/vscode.html",
}
# These keep their paths.
PICTURES = ("editors/neovim/*.svg", "editors/vscode/images/*.png")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of the theme, those of `docs` under their paths in the repository, and those added here."""
    docs = Path(config.docs_dir)
    repository = docs.parent

    def placed(source: str, destination: str, inclusion: InclusionLevel = InclusionLevel.UNDEFINED) -> File:
        return File(
            source,
            str(repository),
            config.site_dir,
            config.use_directory_urls,
            dest_uri=destination,
            inclusion=inclusion,
        )

    layout = [placed(page, destination) for page, destination in PAGES.items()]
    for pattern in PICTURES:
        pictures = (path.relative_to(repository).as_posix() for path in repository.glob(pattern))
        layout += [placed(picture, picture) for picture in pictures]
    for file in files:
        of_theme = file.src_dir != config.docs_dir
        layout.append(file if of_theme else placed(f"docs/{file.src_uri}", file.dest_uri, file.inclusion))
    return Files(layout)
