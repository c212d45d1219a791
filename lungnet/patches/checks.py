"""Refusals: splits from which nothing honest can be learned or measured."""

from collections.abc import Iterable, Mapping

from lungnet.errors import InputError
from lungnet.patches.columns import ExampleArrays, as_arrays
from lungnet.patches.example import SPLITS, PatchExample
from lungnet.patches.splits import Unit

_PAIRS = [("train", "eval"), ("validation", "eval"), ("train", "validation")]


def check_splits(
    examples: Mapping[str, ExampleArrays | Iterable[PatchExample]], unit: Unit = "patient"
) -> None:
    """Refuses splits that leak or cannot serve.

    Each split must hold both classes, and none but training a synthetic patch. By `unit`:
    "patient": no patient and no group may stand in two splits.
    "nodule": evaluation shares no patient and no group with the others, which share no nodule.
    "patch": anything may; the configuration asked for it (`split.by = "random"`).

    Args:
        examples: split name -> examples; "train", "validation" and "eval" are all needed.
        unit: what the splits were made never to part.

    Raises:
        InputError: with the first fault found.
    """
    splits = {name: as_arrays(part) for name, part in examples.items()}
    for name in SPLITS:
        if name not in splits or len(splits[name]) == 0:
            raise InputError(f"The {name} split holds no patch; expected patches of both classes.")
        positives = int((splits[name].labels == 1).sum())
        negatives = len(splits[name]) - positives
        if not positives or not negatives:
            raise InputError(
                f"The {name} split holds patches of one class only; expected both. "
                f"Received: {negatives} of class 0, {positives} of class 1"
            )
        synthetic = int((splits[name].source != "real").sum())
        if name != "train" and synthetic:
            raise InputError(
                f"The {name} split holds {synthetic} synthetic patches; expected them in training alone."
            )
    if unit == "patch":
        return
    pairs = _PAIRS if unit == "patient" else _PAIRS[:2]
    for left, right in pairs:
        for thing, shared in (
            ("Patient", _shared(splits, left, right, "patient_id")),
            ("Group", _shared(splits, left, right, "group_id")),
        ):
            if shared:
                others = f" (so do {len(shared) - 1} others)" if len(shared) > 1 else ""
                raise InputError(
                    f"{thing} {min(shared)} stands in the splits {left} and {right}{others}; "
                    "expected each in one of them."
                )
    shared_nodules = _nodules(splits["train"]) & _nodules(splits["validation"])
    if unit == "nodule" and shared_nodules:
        series_uid, nodule_id = min(shared_nodules)
        raise InputError(
            f"Nodule {nodule_id} of series {series_uid} stands in the splits train and validation; "
            "expected each in one of them."
        )


def measured_unit(examples: Mapping[str, ExampleArrays | Iterable[PatchExample]]) -> Unit:
    """Returns the coarsest unit that no two splits share, whatever they were meant to keep together.

    Args:
        examples: split name -> examples; splits may be missing.

    Returns:
        "patient" if no patient and no group stands in two splits; "nodule" if only training and
        validation share patients, but no nodule; else "patch".
    """
    splits = {name: as_arrays(examples.get(name, [])) for name in SPLITS}
    parted = [
        (left, right)
        for left, right in _PAIRS
        if _shared(splits, left, right, "patient_id") or _shared(splits, left, right, "group_id")
    ]
    if not parted:
        return "patient"
    by_nodule = parted == [("train", "validation")] and not (
        _nodules(splits["train"]) & _nodules(splits["validation"])
    )
    return "nodule" if by_nodule else "patch"


def _shared(splits: Mapping[str, ExampleArrays], left: str, right: str, column: str) -> set[str]:
    return set(getattr(splits[left], column).tolist()) & set(getattr(splits[right], column).tolist())


def _nodules(arrays: ExampleArrays) -> set[tuple[str, int]]:
    pairs = zip(arrays.series_uid.tolist(), arrays.nodule_id.tolist(), strict=True)
    return {(series_uid, nodule_id) for series_uid, nodule_id in pairs if nodule_id >= 0}
