"""Which patches a file of arrays holds and what their labels are worth, in words."""

import numpy as np

from lungnet.lidc.task import RATED, RATINGS_ARE
from lungnet.patches.array_file import PatchArrays

#: Public files by `PatchArrays.pixels_sha256` -> what has to be known of them.
KNOWN_FILES = {
    "38154697370f6b0be69a16e534127d2ebea027bd23cb31d1034b21268e52c26e": (
        "They are axial patches about candidates of LUNA16 (CC BY 4.0, from LIDC-IDRI) as redistributed in "
        "swethasubramanian/LungCancerDetection. The negatives are hard: an algorithm took each for a nodule. "
        "Hounsfield units were rebuilt from 8-bit values that spanned -1000 to 400 HU."
    ),
    "fd9d34a07b0576ef4a0e824e68944792c5c53b1734bfb8a3ad01d021d8728a43": (
        "They are nodules of at least 3 mm of LIDC-IDRI (CC BY 3.0) as redistributed in mtzig/LIDC_GDRO. "
        "The rescale intercept was inferred to be 0 or -1024, so that Hounsfield units of some patches may "
        "be off by tens."
    ),
}


def describe_arrays(arrays: PatchArrays, file_name: str) -> str:
    """Says what the examples of a file are: how many, what makes one positive, and what is known of the file.

    Args:
        arrays: of `read_array_file`.
        file_name: what the file is called.

    Returns:
        Sentences.
    """
    count, positives = len(arrays.labels), int(arrays.labels.sum())
    said = [
        f"Arrays of {file_name}: {count:,} patches cut elsewhere ({positives:,} positive, "
        f"{count - positives:,} negative) in {len(set(arrays.groups)):,} {arrays.unit}s."
    ]
    if arrays.task == "malignancy":
        said.append(_ratings(arrays))
    if arrays.pixels_sha256 in KNOWN_FILES:
        said.append(KNOWN_FILES[arrays.pixels_sha256])
    return " ".join(said)


def _ratings(arrays: PatchArrays) -> str:
    left = {stage.name: stage.excluded for stage in arrays.funnel}
    whole = bool(np.all(arrays.malignancy == np.rint(arrays.malignancy)))
    each = "a whole number, as a single reader gives" if whole else "a mean over readers"
    return (
        f"{RATED}; {left['clear_rating']:,} rated between and {left['rated']:,} unrated ones "
        f"were left out. Each rating is {each}. {RATINGS_ARE}"
    )
