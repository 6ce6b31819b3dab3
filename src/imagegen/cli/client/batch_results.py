"""The results of `imagegen batch`: images in a folder, and a table beside the one that was read."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from imagegen.cli.client.batch_table import Line
from imagegen.cli.client.downloads import save_images, write_file
from imagegen.cli.client.service import Json, Service


@dataclass(frozen=True, slots=True)
class Result:
    """How one row went."""

    job: str
    status: str
    charged: float
    files: tuple[str, ...]
    error: str

    def as_json(self) -> Json:
        """The result as a member of `--json`."""
        return {**asdict(self), "files": [*self.files], "error": self.error or None}


def collect(service: Service, job_id: str, folder: Path) -> Result:
    """Read an ended job and save its images in the folder."""
    job = service.get(f"/api/jobs/{job_id}")
    files = save_images(service, job, folder)
    charged = job["cost"]["totalCost"] if job["status"] == "completed" else 0
    error = job["error"]["message"] if job["error"] else ""
    return Result(job_id, job["status"], charged, tuple(map(str, files)), error)


def results_file(table: Path) -> Path:
    """Where the results go: prompts.csv gives prompts.results.csv."""
    return table.with_suffix(".results.csv")


def write_results(file: Path, lines: Sequence[Line], results: Sequence[Result]) -> None:
    """Write the rows again, in their order, with what became of them."""
    text = io.StringIO()
    added = ("job", "status", "charged", "files", "error")
    given = dict.fromkeys(name for line in lines for name in line.cells if name not in added)
    writer = csv.DictWriter(text, [*given, *added], restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line, result in zip(lines, results, strict=True):
        writer.writerow({**line.cells, **asdict(result), "files": " ".join(result.files)})
    write_file(file, text.getvalue().encode())
