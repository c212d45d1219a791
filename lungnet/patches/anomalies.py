"""What is wrong with splits: leaks, synthetic patches where one measures, values that no CT gives."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lungnet.config import Severity, ValidationConfig
from lungnet.errors import InputError
from lungnet.patches.columns import ExampleArrays, as_arrays
from lungnet.patches.duplicates import PixelContents
from lungnet.patches.example import SPLITS, PatchExample
from lungnet.patches.intensities import LUNG_BELOW_HU, Intensities
from lungnet.patches.sightings import PAIRS, Sightings

#: Every kind of anomaly, the worst first; `ValidationConfig` documents them.
KINDS: tuple[str, ...] = tuple(
    name for name, field in ValidationConfig.model_fields.items() if field.annotation == Severity
)
#: What a split over patches does by design.
_LEAKS_OF_RANDOM_SPLITS = ("patient_in_two_splits", "nodule_in_two_splits")


@dataclass(frozen=True)
class Anomaly:
    """One thing that is wrong with one split, or between two.

    Attributes:
        kind: one of `KINDS`.
        split: its name, or two as in "train, eval".
        count: patches; patients, nodules or contents where two splits share them.
        sentence: what was found and what was expected, without a full stop.
        severity: "fail" or "report".
    """

    kind: str
    split: str
    count: int
    sentence: str
    severity: Literal["fail", "report"]

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)


#: Kind, split, count, sentence.
_Finding = tuple[str, str, int, str]


def find_anomalies(
    batches: Iterable[tuple[str, ExampleArrays | Iterable[PatchExample]]],
    summary: Mapping[str, Any],
    rules: ValidationConfig | None = None,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
) -> list[Anomaly]:
    """Looks for everything that `ValidationConfig` names, in one pass over the patches.

    Of a patch no more than some 100 bytes are kept.

    Args:
        batches: split name and some of its examples, as often as it takes.
        summary: what `summarize` or `Summary.to_json` says of all of them. Its `unit` says what no two splits
            may share: of "nodule", training and validation may share patients; of "patch", patients and
            nodules in two splits are reported at most.
        rules: severities and bounds, by default those of the configuration.
        window_hu: of the models.

    Returns:
        The anomalies, those that fail first, and in the order of `KINDS`.

    Raises:
        InputError: `summary` counts other patches.
    """
    rules = rules if rules is not None else ValidationConfig()
    sightings, contents = Sightings(), PixelContents()
    intensities = {split: Intensities(rules, window_hu) for split in SPLITS}
    for split, examples in batches:
        arrays = as_arrays(examples)
        sightings.add(split, arrays)
        contents.add(split, arrays)
        intensities[split].add(arrays)
    for split, seen in intensities.items():
        counted = summary["splits"].get(split, {"patches": 0})["patches"]
        if counted != seen.patches:
            raise InputError(
                f"The statistics are of other examples: expected {seen.patches} patches in the {split} "
                f"split. Received: {counted}"
            )
    findings = [
        *_counted(summary["splits"], rules),
        *_leaks(sightings, summary["unit"]),
        *_duplicates(contents),
        *(finding for split in SPLITS for finding in _values(split, intensities[split], rules, window_hu)),
    ]
    anomalies = [
        Anomaly(kind, split, count, sentence, severity)
        for kind, split, count, sentence in findings
        if (severity := _severity(kind, rules, summary["unit"])) != "ignore"
    ]
    return sorted(anomalies, key=lambda one: (one.severity != "fail", KINDS.index(one.kind)))


def _severity(kind: str, rules: ValidationConfig, unit: str) -> Severity:
    severity: Severity = getattr(rules, kind)
    if severity == "fail" and unit == "patch" and kind in _LEAKS_OF_RANDOM_SPLITS:
        return "report"
    return severity


def _counted(splits: Mapping[str, Any], rules: ValidationConfig) -> Iterator[_Finding]:
    """What the statistics alone tell."""
    for split in SPLITS:
        counts = splits.get(split, {"patches": 0})
        if not counts["patches"]:
            yield "missing_class", split, 0, f"The {split} split holds no patch; expected both classes"
            continue
        negatives, positives = counts["by_label"]["0"], counts["by_label"]["1"]
        if not negatives or not positives:
            yield (
                "missing_class",
                split,
                counts["patches"],
                f"The {split} split holds patches of one class only ({negatives} of class 0, {positives} of "
                "class 1); expected both",
            )
        synthetic = sum(sum(n.values()) for source, n in counts["by_source"].items() if source != "real")
        if split != "train" and synthetic:
            yield (
                "synthetic_outside_training",
                split,
                synthetic,
                f"The {split} split holds {_patches(synthetic, 'synthetic ')}; expected none but in training",
            )
        low, high = rules.positive_share
        if split == "train" and not low <= counts["prevalence"] <= high:
            yield (
                "class_balance",
                split,
                counts["patches"],
                f"{_percent(counts['prevalence'])} of the training patches are positive; expected "
                f"{_percent(low)} to {_percent(high)}",
            )


def _leaks(sightings: Sightings, unit: str) -> Iterator[_Finding]:
    """Patients (or else groups) and nodules (or else centres) in two splits."""
    for left, right in PAIRS:
        both = f"{left}, {right}"
        stands = f"in the splits {left} and {right}"
        named = [(kind.capitalize(), sightings.shared(kind, left, right)) for kind in ("patient", "group")]
        thing, shared = next(((thing, names) for thing, names in named if names), ("", []))
        if shared and not (unit == "nodule" and "eval" not in (left, right)):
            yield (
                "patient_in_two_splits",
                both,
                len(shared),
                f"{thing} {shared[0]} stands {stands}{_others(len(shared))}; expected each in one of them",
            )
        nodules = sightings.shared_nodules(left, right)
        centers = sightings.shared_centers(left, right)
        if nodules:
            uid, number = nodules[0]
            what = f"Nodule {number} of series {uid}"
        elif centers:
            uid, center = centers[0]
            what = f"The nodule about voxel {center} of series {uid}"
        if nodules or centers:
            count = len(nodules or centers)
            sentence = f"{what} stands {stands}{_others(count)}; expected each in one of them"
            yield "nodule_in_two_splits", both, count, sentence


def _duplicates(contents: PixelContents) -> Iterator[_Finding]:
    repeated = contents.repeated()
    for left, right in PAIRS:
        shared = repeated.across(left, right)
        if shared:
            yield (
                "duplicate_across_splits",
                f"{left}, {right}",
                shared.count,
                f"The splits {left} and {right} share the pixels of {_patches(shared.count)}, one of them "
                f"{shared.left} and {shared.right}; expected none",
            )
    for split in SPLITS:
        repeats = repeated.within(split)
        if repeats.count:
            both = repeats.contradictory
            labels = f", and {_patches(both)} with both labels" if both else ""
            yield (
                "duplicates",
                split,
                repeats.count,
                f"The {split} split holds {_patches(repeats.count)} with the pixels of another{labels}",
            )


def _values(
    split: str, seen: Intensities, rules: ValidationConfig, window_hu: tuple[float, float]
) -> Iterator[_Finding]:
    if not seen.patches:
        return
    low, high = rules.hu_range
    if seen.out_of_range:
        yield (
            "hu_out_of_range",
            split,
            seen.out_of_range,
            f"The {split} split holds {_patches(seen.out_of_range)} with values outside {low} to {high} HU; "
            f"the extremes are {seen.low_hu} and {seen.high_hu}",
        )
    if seen.constant:
        yield (
            "constant_patches",
            split,
            seen.constant,
            f"The {split} split holds {_patches(seen.constant)} of one value in the window",
        )
    black, white = window_hu
    for kind, share, least, where in (
        ("no_lung", seen.lung_share, rules.min_lung_share, f"are as dark as lung (below {LUNG_BELOW_HU} HU)"),
        (
            "window_share",
            seen.window_share,
            rules.min_window_share,
            f"lie in the window of {black:g} to {white:g} HU",
        ),
    ):
        if share < least:
            sentence = (
                f"{_percent(share)} of the pixels of the {split} split {where}; expected at least "
                f"{_percent(least)} of Hounsfield units"
            )
            yield kind, split, seen.patches, sentence


def _patches(count: int, kind: str = "") -> str:
    return f"{count} {kind}patch{'es' * (count != 1)}"


def _others(count: int) -> str:
    return ("", " (so does 1 other)", f" (so do {count - 1} others)")[min(count, 3) - 1]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
