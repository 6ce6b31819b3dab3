"""What `imagegen models check` found, and the same as metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen.cli.errors import InvalidArgument
from imagegen.model_import.comparison import Difference
from imagegen.observability.metrics import write_catalog_check


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `models check` found.

    Attributes:
        file: the catalog.
        checked: the names of the models.
        differences: what differs.
    """

    file: Path
    checked: Sequence[str]
    differences: Sequence[Difference]

    @property
    def faults(self) -> int:
        """How many of the differences are to be fixed."""
        return sum(each.is_fault for each in self.differences)


def write_metrics(report: CheckReport, file: Path) -> None:
    """Replace the file by the metrics of a check.

    Raises:
        InvalidArgument: it cannot be written.
    """
    faults, notes = report.faults, len(report.differences) - report.faults
    try:
        write_catalog_check(file, str(report.file), models=len(report.checked), faults=faults, notes=notes)
    except OSError as error:
        raise InvalidArgument(f"--metrics-file {file}: it cannot be written: {error.strerror}") from error
