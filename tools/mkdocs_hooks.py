"""MkDocs hooks: add the changelog to the site, and let links lead to files outside docs/."""

import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
# A relative link or picture: neither a URL, nor an anchor of the same page, nor absolute.
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|[#/])([^)\s#]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the repository's address and expand `*` in the navigation."""
    config.repo_url = SOURCE
    docs = Path(config.docs_dir)
    listed = set(_pages(config.nav))
    config.nav = _expand(config.nav, docs, listed)
    return config


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in _pages(part)]


def _expand(nav: Any, docs: Path, listed: set[str]) -> Any:
    """Replace each pattern by the pages that match it and are not listed elsewhere."""
    if isinstance(nav, dict):
        return {title: _expand(part, docs, listed) for title, part in nav.items()}
    if isinstance(nav, str):
        return _matching(nav, docs, listed) if "*" in nav else nav
    expanded = []
    for part in nav:
        replaced = _expand(part, docs, listed)
        expanded += replaced if isinstance(replaced, list) else [replaced]
    return expanded


def _matching(pattern: str, docs: Path, listed: set[str]) -> list[str]:
    found = [path.relative_to(docs).as_posix() for path in docs.glob(pattern)]
    return sorted(page for page in found if page not in listed)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add CHANGELOG.md as a page; its links are relative to the root of the repository."""
    text = LINK.sub(_from_docs, (ROOT / "CHANGELOG.md").read_text())
    files.append(File.generated(config, "changelog.md", content=text))
    return files


def _from_docs(link: re.Match[str]) -> str:
    return posixpath.relpath(link[1], "docs")


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Replace links to files outside docs/ by links to the repository or the changelog's page."""
    folder = posixpath.dirname(page.file.src_uri)

    def outside(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, link[1]))
        if path == "CHANGELOG.md":
            return posixpath.relpath("changelog.md", folder or ".")
        # The link to a missing file is kept, so that the strict build reports it.
        if path.startswith("docs/") or not (ROOT / path).exists():
            return link[1]
        return f"{SOURCE}/blob/main/{path}"

    return LINK.sub(outside, markdown)
