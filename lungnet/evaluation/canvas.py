"""The one look of all figures, and PNG files that depend on nothing but what they show."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lungnet.files import atomic_path

DPI = 150

GREY = "#767676"
LIGHT = "#d9d9d9"


class Stroke(NamedTuple):
    """How a line is drawn: colour and dashes differ, so that either is enough to tell lines apart."""

    color: str
    dashes: str | tuple[int, tuple[float, ...]]
    width: float


#: Row of Table 1 -> stroke, in the colours of Okabe and Ito.
STROKES = {
    "gan_cae_calm": Stroke("#0072B2", "-", 2.4),
    "gan_cae_nn": Stroke("#D55E00", (0, (6, 1.5)), 1.4),
    "gan_cae_lr": Stroke("#009E73", (0, (3, 1.2)), 1.4),
    "gan_cae_svm": Stroke("#CC79A7", (0, (1, 1)), 1.8),
    "ae": Stroke("#E69F00", (0, (5, 1.5, 1, 1.5)), 1.4),
    "cnn": Stroke("#000000", "-", 1.2),
    "brightness": Stroke(GREY, (0, (4, 2)), 1.2),
    "size": Stroke("#882255", (0, (1, 2)), 1.4),
}
OTHER_STROKE = Stroke("#56B4E9", (0, (2, 1, 1, 1)), 1.4)


@contextmanager
def drawn(
    path: str | os.PathLike[str],
    width_in: float,
    height_in: float,
    rows: int = 1,
    columns: int = 1,
    **how: Any,
) -> Iterator[tuple[Figure, Sequence[Any]]]:
    """Gives a figure and its axes, row by row, and writes it to `path` at the end.

    The user's matplotlib settings and the global figure list play no part. The file holds no date and no
    software version.

    Args:
        path: of the PNG, written atomically.
        width_in: inches.
        height_in: inches.
        rows: of axes.
        columns: of axes.
        **how: passed to `Figure.subplots`.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.size": 10,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": GREY,
                "axes.titlesize": 10,
                "axes.titlelocation": "left",
                "xtick.color": GREY,
                "ytick.color": GREY,
                "xtick.labelcolor": "black",
                "ytick.labelcolor": "black",
                "legend.frameon": False,
                "figure.dpi": DPI,
            }
        )
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **how)
        yield figure, list(axes.flat)
        with atomic_path(Path(path)) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
