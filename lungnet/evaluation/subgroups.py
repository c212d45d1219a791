"""Whether a classifier serves small and large, solid and ground-glass nodules, and every scanner alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lungnet.errors import InputError
from lungnet.evaluation.bootstrap import Estimate, Unit
from lungnet.evaluation.checks import (
    Codes,
    Floats,
    Labels,
    check_labels,
    check_probabilities,
    check_threshold,
    encode_groups,
)
from lungnet.evaluation.metrics import classification_report

#: A subgroup of patches whose property nothing says.
UNKNOWN = "unknown"

#: Positives of a subgroup against all negatives, or both classes within it.
Comparison = Literal["all negatives", "within"]

#: What is measured of a subgroup.
SUBGROUP_METRICS = ("auc", "recall", "specificity", "balanced_accuracy")


class _Property(NamedTuple):
    """A column of the examples, what it is called, and the names of its patches' subgroups in their order."""

    title: str
    of: Literal["nodule", "scanner"]
    names: Callable[[npt.NDArray[Any]], tuple[list[str], Sequence[str]]]


@dataclass(frozen=True)
class Subgroup:
    """How a classifier does on a part of the patches.

    Attributes:
        name: of the part, `UNKNOWN` for those of which nothing is known.
        positives: patches of label 1 in it.
        negatives: patches of label 0 that they are held against.
        groups: distinct ones (patients) among those of the subgroup itself.
        too_small: whether it has too few patches of a class for an interval to mean something; its measures
            then have none, and the AUC is left out.
        interval_unit: "group", or "patch" where it has too few groups; None where it is too small.
        measures: those of `SUBGROUP_METRICS` that the comparison gives: AUC and recall against all negatives,
            whose specificity is everybody's; all four within. At the classifier's own threshold.
    """

    name: str
    positives: int
    negatives: int
    groups: int
    too_small: bool
    interval_unit: Unit | None
    measures: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return {
            "name": self.name,
            "positives": self.positives,
            "negatives": self.negatives,
            "groups": self.groups,
            "too_small": self.too_small,
            "interval_unit": self.interval_unit,
            **{name: estimate.to_json() for name, estimate in self.measures.items()},
        }


@dataclass(frozen=True)
class SubgroupTable:
    """The subgroups of one property.

    Attributes:
        title: the property in words, with its unit.
        comparison: "all negatives" or "within".
        known: patches (positives, where they are held against all negatives) whose property is known.
        subgroups: none is hidden, the unknown ones come last.
    """

    title: str
    comparison: Comparison
    known: int
    subgroups: tuple[Subgroup, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a JSON object."""
        return {
            "title": self.title,
            "comparison": self.comparison,
            "known": self.known,
            "subgroups": [each.to_json() for each in self.subgroups],
        }


def subgroup_tables(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    threshold: float,
    traits: Mapping[str, npt.NDArray[Any]],
    *,
    task: str = "nodule",
    fewest: int = 10,
    confidence: float = 0.95,
    resamples: int = 1000,
    min_groups: int = 10,
    seed: int = 0,
) -> dict[str, SubgroupTable]:
    """Measures a classifier in the subgroups of each property.

    Diameter and texture are a nodule's: where the task is "nodule" the positives of a subgroup are held
    against all negatives, which have none. Where every patch is a nodule (task "malignancy"), and for
    properties of the scanner, both classes come from the subgroup. A subgroup with fewer than `fewest`
    patches of a class has counts and shares without intervals, and no AUC.

    Args:
        y: labels 0 or 1, `(n,)`, both present.
        p: probabilities in [0, 1], `(n,)`.
        groups: the patient, or what stands for one, of each patch; None if not known.
        threshold: a patch is called positive when `p >= threshold`.
        traits: columns of `PROPERTIES` by name, `(n,)` each, 0 or empty where unknown; those that are missing
            are left out.
        task: "nodule" or "malignancy".
        fewest: patches of either class from which intervals are given.
        confidence, resamples, min_groups, seed: of the intervals, as for `classification_report`.

    Returns:
        Property -> its subgroups, in the order of `PROPERTIES`.

    Raises:
        InputError: as `classification_report`, or a column of another length.
    """
    labels = check_labels(y)
    codes, group_count = encode_groups(groups, len(labels))
    patches = _Patches(
        labels,
        check_probabilities(p, len(labels)),
        codes if group_count else None,
        check_threshold(threshold),
    )
    options: dict[str, Any] = {
        "confidence": confidence,
        "resamples": resamples,
        "min_groups": min_groups,
        "seed": seed,
    }
    tables = {}
    for name, described in PROPERTIES.items():
        if name not in traits:
            continue
        column = np.asarray(traits[name])
        if column.shape != labels.shape:
            raise InputError(
                f"{name} must have one value for each of the {len(labels)} labels. Received: {column.shape}"
            )
        named, order = described.names(column)
        of_patch = np.array(named)
        within = described.of == "scanner" or task == "malignancy"
        judged = np.ones_like(labels) if within else labels
        tables[name] = SubgroupTable(
            described.title,
            "within" if within else "all negatives",
            int((judged & (of_patch != UNKNOWN)).sum()),
            tuple(
                _subgroup(subgroup, patches, judged & (of_patch == subgroup), within, fewest, options)
                for subgroup in [*order, UNKNOWN]
                if (judged & (of_patch == subgroup)).any()
            ),
        )
    return tables


class _Patches(NamedTuple):
    """Everything that a classifier is judged on."""

    labels: Labels
    scores: Floats
    codes: Codes | None
    threshold: float


def _subgroup(
    name: str, patches: _Patches, own: Labels, within: bool, fewest: int, options: dict[str, Any]
) -> Subgroup:
    """Measures the patches `own`, or those positives against all negatives."""
    labels, scores, codes, threshold = patches
    chosen = own if within else own | ~labels
    y, p = labels[chosen], scores[chosen]
    positives, negatives = int(y.sum()), int((~y).sum())
    unit: Unit | None = None
    if min(positives, negatives) >= fewest:
        report = classification_report(y, p, None if codes is None else codes[chosen], threshold, **options)
        unit = report.interval_unit
        measures = {metric: getattr(report, metric) for metric in SUBGROUP_METRICS}
    else:
        measures = _without_intervals(y, p >= threshold)
    return Subgroup(
        name,
        positives,
        negatives,
        0 if codes is None else len(np.unique(codes[own])),
        unit is None,
        unit,
        measures if within else {metric: measures[metric] for metric in ("auc", "recall")},
    )


def _without_intervals(y: Labels, called: Labels) -> dict[str, Estimate]:
    recall = float(called[y].mean()) if y.any() else None
    specificity = float((~called)[~y].mean()) if not y.all() else None
    both = None if recall is None or specificity is None else (recall + specificity) / 2
    values = {"auc": None, "recall": recall, "specificity": specificity, "balanced_accuracy": both}
    return {name: Estimate(values[name], None, None) for name in SUBGROUP_METRICS}


def _bands(
    edges: Sequence[float], names: Sequence[str], right: bool = False
) -> Callable[[npt.NDArray[Any]], tuple[list[str], Sequence[str]]]:
    """Subgroups between `edges`; a value on one falls above it, or below it with `right`. 0 is unknown."""

    def named(values: npt.NDArray[Any]) -> tuple[list[str], Sequence[str]]:
        rounded = np.round(values.astype(np.float64), 4)  # records hold 32 bits: 1.2 is not 1.2000000477
        bands = np.digitize(rounded, edges, right=right)
        return [
            names[band] if value > 0 else UNKNOWN for band, value in zip(bands, rounded, strict=True)
        ], names

    return named


def _texts(values: npt.NDArray[Any]) -> tuple[list[str], Sequence[str]]:
    """Subgroups of one text each, whatever its capitals and spaces; empty is unknown."""
    plain = [" ".join(str(value).upper().split()) for value in values.tolist()]
    known = sorted(set(plain) - {"", UNKNOWN.upper()})
    return [text if text in known else UNKNOWN for text in plain], known


#: Column of the examples -> how it is parted. Diameters as in Lung-RADS, textures as the readers' scale has
#: them (1 non-solid, 3 part-solid, 5 solid), rounded to the nearest rating.
PROPERTIES: Mapping[str, _Property] = {
    "diameter_mm": _Property(
        "Diameter, mm",
        "nodule",
        _bands((6.0, 8.0, 15.0), ("below 6", "6 to below 8", "8 to below 15", "15 and above")),
    ),
    "texture": _Property(
        "Texture", "nodule", _bands((2.5, 3.5), ("non-solid (1, 2)", "part-solid (3)", "solid (4, 5)"))
    ),
    "slice_thickness_mm": _Property(
        "Slice thickness, mm",
        "scanner",
        _bands(
            (1.25, 2.0, 2.5), ("up to 1.25", "above 1.25 to 2", "above 2 to 2.5", "above 2.5"), right=True
        ),
    ),
    "manufacturer": _Property("Manufacturer", "scanner", _texts),
}
