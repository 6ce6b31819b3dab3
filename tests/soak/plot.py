"""The plot of a soak: a panel for each measure, a line for each process."""
# matplotlib types its keywords by halves.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.soak.course import AT_REST, MEASURES, Curve
from tests.soak.flatness import WARM_UP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS: Final = 2
_WIDTH, _HEIGHT = 9.0, 2.2  # inches, of the plot and of a row


def draw(curves: Sequence[Curve], file: Path) -> None:
    """Draw every curve against minutes; the warm-up is shaded."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second for every run of the tests

    measures = list(MEASURES)
    rows = -(-len(measures) // _COLUMNS)
    figure = Figure(figsize=(_WIDTH, _HEIGHT * rows), layout="constrained")
    for number, measure in enumerate(measures, start=1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        _panel(axes, measure, [curve for curve in curves if curve.measure == measure])
    figure.savefig(file, dpi=90)


def _panel(axes: "Axes", measure: str, curves: Sequence[Curve]) -> None:
    last = max(curve.seconds[-1] for curve in curves) / 60
    axes.axvspan(0, last * WARM_UP, color="0.93")
    for curve in curves:
        axes.plot(
            [second / 60 for second in curve.seconds],
            curve.values,
            marker="." if measure.endswith(AT_REST) else None,
            linewidth=0.8,
            label=curve.process,
        )
    axes.set_title(measure, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, last)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("minutes", fontsize=7)
    axes.legend(fontsize=6, loc="lower right", ncols=2)
