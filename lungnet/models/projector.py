"""Features of patches for TensorBoard's projector: points in space, each drawn as its patch."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorboard.plugins.projector import ProjectorConfig, visualize_embeddings

from lungnet.files import atomic_path, write_text
from lungnet.models.hounsfield import to_unit

#: The file that the plugin looks for beside a run's event files; `visualize_embeddings` writes it.
CONFIG = "projector_config.pbtxt"


def choose_patches(patches_hu: npt.NDArray[np.int16], most: int) -> npt.NDArray[np.int64]:
    """Chooses patches by a hash of their pixels, so that neither order nor splits play a part.

    Args:
        patches_hu: int16 `(n, rows, columns)`.
        most: how many at most.

    Returns:
        int64 `(min(n, most),)`, increasing rows.
    """
    ranks = [hashlib.sha256(patch.astype("<i2").tobytes()).digest() for patch in patches_hu]
    chosen = sorted(range(len(ranks)), key=ranks.__getitem__)[:most]
    return np.array(sorted(chosen), np.int64)


def write_projector(
    folder: str | os.PathLike[str],
    name: str,
    features: npt.NDArray[np.floating[Any]],
    patches_hu: npt.NDArray[np.int16],
    window_hu: tuple[float, float],
    columns: Mapping[str, Iterable[object]],
) -> None:
    """Writes what the projector shows of n patches.

        folder/
          projector_config.pbtxt    written last
          features.tsv              one line a patch
          metadata.tsv              names of the columns, then one line a patch
          sprites.png               all patches, row after row in a square

    The projector reads folders that hold event files, and looks once: write these after this.

    Args:
        folder: of a run; made if it does not exist.
        name: of the points.
        features: `(n, d)`, n at least 1.
        patches_hu: int16 `(n, size, size)`.
        window_hu: black and white of the patches.
        columns: at least two; name -> n values to colour, label and search by.

    Raises:
        ValueError: lengths differ, there are no patches, or fewer than two columns.
    """
    cells = {key: _cells(values) for key, values in columns.items()}
    lengths = {"patches_hu": len(patches_hu), **{key: len(values) for key, values in cells.items()}}
    wrong = {key: length for key, length in lengths.items() if length != len(features)}
    if wrong or len(features) == 0:
        raise ValueError(f"expected {len(features)} of each, and at least one. Received: {lengths}")
    if len(columns) < 2:  # with a single one the plugin takes its name for a value
        raise ValueError(f"columns must be at least two. Received: {list(columns)}")
    folder = Path(folder)
    lines = ["\t".join(columns), *map("\t".join, zip(*cells.values(), strict=True))]
    write_text(folder / "metadata.tsv", "\n".join(lines) + "\n")
    with atomic_path(folder / "features.tsv") as temporary:
        np.savetxt(temporary, features, fmt="%.5g", delimiter="\t")
    with atomic_path(folder / "sprites.png") as temporary:
        temporary.write_bytes(_sprites(to_unit(patches_hu, window_hu)))
    config = ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = name
    embedding.tensor_path = "features.tsv"
    embedding.metadata_path = "metadata.tsv"
    embedding.sprite.image_path = "sprites.png"
    embedding.sprite.single_image_dim.extend(patches_hu.shape[:0:-1])
    with atomic_path(folder / CONFIG) as temporary:
        visualize_embeddings(str(temporary.parent), config)


def _cells(values: Iterable[object]) -> list[str]:
    """Returns text that cannot break a line or a column."""
    return [" ".join(str(value).split()) for value in values]


def _sprites(unit: npt.NDArray[np.float32]) -> bytes:
    """Returns a PNG of patches `(n, rows, columns)` in [0, 1] on a square grid without gaps."""
    count, rows, columns = unit.shape
    side = int(np.ceil(np.sqrt(count)))
    tiles = np.zeros((side * side, rows, columns), np.uint8)
    tiles[:count] = np.rint(255 * unit)
    sheet = tiles.reshape(side, side, rows, columns).swapaxes(1, 2).reshape(side * rows, side * columns, 1)
    png: bytes = tf.io.encode_png(sheet).numpy()
    return png
