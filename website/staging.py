"""The pages as the site has them: one folder, links that lead within it, and the API's examples in three languages."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.pages import ROOT, typed
from website.curl import javascript, python

DOCS: Final = ROOT / "docs"
# Pages and files outside docs/, and where the site has them.
_MOVED: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
    "sdk/python/README.md": "guides/python.md",
    "sdk/typescript/README.md": "guides/typescript.md",
    "openapi.json": "openapi.json",
    "LICENSE": "license.txt",
    "docs/decisions": "decisions/index.md",
}
# Their names in the navigation, where the heading does not tell them apart.
_TITLES: Final = {
    "README.md": "Overview",
    "SECURITY.md": "Reporting a vulnerability",
    "sdk/python/README.md": "The Python client",
    "sdk/typescript/README.md": "The TypeScript client",
}
_LINK: Final = re.compile(r"(!?)\[([^\]]*)\]\(([^)#:\s]*)(#[^)]*)?\)")
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def stage(folder: Path) -> None:
    """Write every page and file of the site into the folder."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    for name in ("openapi.json", "LICENSE"):
        shutil.copy(ROOT / name, folder / _MOVED[name])
    for source in _sources():
        target = folder / _place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(source), encoding="utf-8")
    (folder / "decisions/index.md").write_text(_list_of_records(), encoding="utf-8")


def page(source: Path) -> str:
    """The text of one page, as the site has it."""
    text = source.read_text(encoding="utf-8")
    if source == DOCS / "api.md":
        text = _BLOCK.sub(lambda block: _in_three_languages(block[0], block[2]), text)
    title = _TITLES.get(source.relative_to(ROOT).as_posix())
    front = f"---\ntitle: {title}\n---\n\n" if title else ""
    return front + _LINK.sub(lambda link: _link(link, source), text)


def _sources() -> Iterator[Path]:
    yield from sorted(DOCS.rglob("*.md"))
    yield from (ROOT / name for name in _MOVED if name.endswith(".md"))


def _place(source: Path) -> Path:
    """Where the site has a file of the repository, below its folder."""
    name = source.relative_to(ROOT).as_posix()
    return Path(_MOVED.get(name) or source.relative_to(DOCS))


def _link(link: re.Match[str], source: Path) -> str:
    """A link within the site; to a file that the site lacks, only its name."""
    image, text, path, anchor = link.groups()
    if not path:
        return link[0]
    target = Path(os.path.normpath(source.parent / path))
    name = target.relative_to(ROOT).as_posix()
    if name not in _MOVED and DOCS not in target.parents:
        return text if name in text else f"{text} (`{name}`)"
    way = os.path.relpath(_place(target), _place(source).parent)
    return f"{image}[{text}]({Path(way).as_posix()}{anchor or ''})"


def _in_three_languages(block: str, command: str) -> str:
    if not command.startswith("curl "):
        return block
    request = typed(command)
    tabs = (("curl", "sh", command), ("Python", "python", python(request)), ("JavaScript", "js", javascript(request)))
    return "\n".join(_tab(title, language, text) for title, language, text in tabs)


def _tab(title: str, language: str, text: str) -> str:
    lines = "".join(f"    {line}\n" if line else "\n" for line in f"```{language}\n{text}```".splitlines())
    return f'=== "{title}"\n\n{lines}'


def _list_of_records() -> str:
    records = sorted((DOCS / "decisions").glob("*.md"))
    titles = [record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for record in records]
    items = [f"- [{title}]({record.name})\n" for title, record in zip(titles, records, strict=True)]
    return (
        "# Decisions\n\nEach record has its context, the decision, its consequences, and what else was considered.\n\n"
        + ("".join(items))
    )
