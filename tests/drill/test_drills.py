"""What a drill's output says, and where its result is written."""

from pathlib import Path

import pytest

from tests.drill.drills import DRILLS
from tests.drill.page import PAGE, Result, write

ROOT = Path(__file__).parent.parent.parent
GROWING = "NOT MET: memory of every process: less than 20 more: growing: +30.00 an hour (+25 to +35) in serve-1\n"
UNDECIDED = "NOT MET: threads of every process: less than 1 more: undecided: +0.00 an hour (-9 to +9) in serve-1\n"


@pytest.mark.parametrize(
    ("drill", "status", "printed", "result"),
    [
        ("chaos", 0, "seed 1\n| jobs | kills |\n| ---: | ---: |\n| 2,041 | 201 |\n", "passed, 2,041 jobs"),
        ("chaos", 1, "Traceback", "FAILED, no jobs"),
        ("soak", 0, "met: memory", "passed, every curve is flat"),
        ("soak", 1, UNDECIDED, "undecided: too short to tell for 1 of its measures; none grows"),
        ("soak", 1, UNDECIDED + GROWING, "FAILED"),
        ("soak", 1, "NOT MET: every job has ended: 2 faults\n" + UNDECIDED, "FAILED"),
        ("soak", 1, "Traceback", "FAILED"),
        ("fuzz", 0, "\n900 of 1000 cases\n.1200 of 1000 cases\n.\n", "passed, 1,200 cases"),
        ("mutations", 2, "E assert", "FAILED, 0 cases"),
    ],
)
def test_output_tells_how_a_drill_went(drill: str, status: int, printed: str, result: str) -> None:
    assert DRILLS[drill].judge(status, printed) == result


def result(drill: str, commit: str) -> Result:
    return Result(drill=drill, command="make it", result="passed", minutes=1.25, commit=commit, day="2026-10-01")


def test_page_keeps_the_last_result_of_each_drill(tmp_path: Path) -> None:
    page = tmp_path / "drills.md"
    page.write_text((ROOT / PAGE).read_text(encoding="utf-8"), encoding="utf-8")
    for each in (result("fuzz", "1111111"), result("any-answer", "2222222"), result("fuzz", "3333333")):
        write(page, each)

    rows = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "make it" in line
    ]
    assert rows == [
        "| any-answer | passed | 1.2 | `2222222` | 2026-10-01 | `make it` |",
        "| fuzz | passed | 1.2 | `3333333` | 2026-10-01 | `make it` |",
    ]
