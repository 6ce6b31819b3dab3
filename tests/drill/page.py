"""docs/drills.md: the last result of each drill, a row each."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.drill.drills import FAILED

PAGE: Final = "docs/drills.md"
_BEGIN: Final = "<!-- make drill: begin -->"
_END: Final = "<!-- make drill: end -->"
_HEAD: Final = ("| Drill | Last result | Minutes | Commit | Day | Repeats it |", "|---|---|---:|---|---|---|")


@dataclass(frozen=True, slots=True)
class Result:
    """How a drill went."""

    drill: str
    command: str
    result: str
    minutes: float
    commit: str
    day: str

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.result.startswith(FAILED)

    @property
    def row(self) -> str:
        """Its row of the table."""
        cells = (self.drill, self.result, f"{self.minutes:.1f}", f"`{self.commit}`", self.day, f"`{self.command}`")
        return f"| {' | '.join(cells)} |"


def write(page: Path, result: Result) -> None:
    """Put a result in the place of the last one of the same drill."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    table, found, after = rest.partition(_END)
    if not found:
        raise ValueError(f"{page} should have {_BEGIN} … {_END}")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| ([a-z-]+) \|.*$", table, re.MULTILINE)}
    rows[result.drill] = result.row
    lines = "\n".join((*_HEAD, *(rows[name] for name in sorted(rows))))
    page.write_text(f"{before}{_BEGIN}\n{lines}\n{_END}{after}", encoding="utf-8")
