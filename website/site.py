"""`make site`: build the site into .site/site; every warning, such as a link that leads nowhere, ends the build."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from website.scripts import FOLDER, SCRIPTS
from website.staging import stage

ROOT: Final = Path(__file__).parent.parent
SITE: Final = FOLDER / "site"
CONFIG: Final = Path(__file__).parent / "zensical.toml"
STYLE: Final = Path(__file__).parent / "site.css"
_SHIM: Final = "https://unpkg.com/iframe-worker/shim"
_WHOLE: Final = re.compile(r"decisions/\d{4}-|changelog\.")
_REMOTE: Final = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["']?(?:https?:)?//[^>]*>""")


def main() -> int:
    """Build the site, and look for anything that it would load from elsewhere."""
    docs = FOLDER / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    stage(docs)
    for script in SCRIPTS:
        (docs / "assets").mkdir(exist_ok=True)
        shutil.copy(script.fetched(), docs / "assets" / script.name)
    shutil.copy(CONFIG, FOLDER / "zensical.toml")
    shutil.copy(STYLE, docs / "assets" / STYLE.name)
    program = Path(sys.executable).with_name("zensical")
    built = subprocess.run([program, "build", "--clean", "--strict"], cwd=FOLDER, check=False)  # noqa: S603 - a command of ours
    if built.returncode:
        return built.returncode
    shorten_search()
    pages = sorted(SITE.rglob("*.html"))
    for page in pages:
        lead_home(page)
    remote = [f"{page.relative_to(SITE)}: {found}" for page in pages for found in loaded_from_elsewhere(page)]
    said = "\n".join(remote) or f"The site is in {SITE.relative_to(ROOT)}: open index.html in it."
    sys.stdout.write(f"{said}\n")
    return int(bool(remote))


def lead_home(page: Path) -> None:
    """Let the page load its shim, which searches without a web server, from the site itself."""
    way = os.path.relpath(SITE / "assets/iframe-worker.js", page.parent)
    page.write_text(page.read_text(encoding="utf-8").replace(_SHIM, way), encoding="utf-8")


def shorten_search() -> None:
    """Merge items of the search's index, in both of its forms."""
    file = SITE / "search.json"
    index = json.loads(file.read_text(encoding="utf-8"))
    text = json.dumps({**index, "items": merged(index["items"])}, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    file.with_suffix(".js").write_text(f"var __index = {text}", encoding="utf-8")


def merged(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """Make one item of each record, and of the changelog, whose parts have the same titles everywhere."""
    found: dict[str, dict[str, str]] = {}
    for item in items:
        page, _, _ = item["location"].partition("#")
        place = page if _WHOLE.match(page) else item["location"]
        text = f"{found[place]['text']} {item['text']}" if place in found else item["text"]
        found[place] = {**found.get(place, item), "text": text}
    return list(found.values())


def loaded_from_elsewhere(page: Path) -> list[str]:
    """What the page would load from other servers."""
    return _REMOTE.findall(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
