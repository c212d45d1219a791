"""Splits that leak, cannot serve or hold no Hounsfield units are found out."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pytest

from lungnet.config import Severity, ValidationConfig
from lungnet.errors import InputError
from lungnet.patches import Anomaly, PatchExample, find_anomalies, summarize
from lungnet.patches.anomalies import KINDS
from lungnet.patches.splits import Unit

IGNORING: dict[str, Any] = dict.fromkeys(KINDS, "ignore")


def lung(seed: int) -> np.ndarray:
    """Noise about -800 HU with a square of soft tissue."""
    patch = np.random.default_rng(seed).normal(-800, 30, (40, 40))
    patch[15:25, 15:25] += 830
    return patch.astype(np.int16)


def two(
    patient: str, series: str = "", group: str = "", nodule: int = 1, seed: int = 0, **more: Any
) -> list[PatchExample]:
    """A positive and a negative; patches differ from patient to patient and from seed to seed."""
    number = int.from_bytes(patient.encode(), "big") % 1000
    return [
        PatchExample(
            lung(1000 * seed + 10 * number + label),
            label,
            patient,
            series or patient,
            group or patient,
            nodule_id=nodule if label else -1,
            center_zyx=(seed, number, 20),
            **more,
        )
        for label in (0, 1)
    ]


def clean() -> dict[str, list[PatchExample]]:
    return {"train": two("A"), "validation": two("B"), "eval": two("C")}


def found(
    splits: Mapping[str, Sequence[PatchExample]], unit: Unit = "patient", **rules: Any
) -> list[Anomaly]:
    """What is found, with no kind that `rules` does not ask for unless none are given."""
    chosen = ValidationConfig(**({**IGNORING, **rules} if rules else {}))
    return find_anomalies(splits.items(), summarize(splits, unit), chosen)


def test_clean_splits_pass_and_synthetic_patches_may_train() -> None:
    synthetic = two("synthetic", source="synthetic", nodule=-1)[1:]
    assert found(clean() | {"train": two("A") + synthetic}) == []


def test_the_configuration_names_every_kind() -> None:
    assert len(KINDS) == 11
    assert all(getattr(ValidationConfig(), kind) in get_args(Severity) for kind in KINDS)


@pytest.mark.parametrize("left", ["train", "validation"])
def test_a_patient_in_evaluation_and_elsewhere(left: str) -> None:
    splits = clean()
    splits[left] = splits[left] + two("C", series="other", seed=1) + two("D")
    splits["eval"] = splits["eval"] + two("D", series="more", seed=2)
    for unit in ("patient", "nodule"):
        (anomaly,) = found(splits, unit)
        assert anomaly == Anomaly(
            "patient_in_two_splits",
            f"{left}, eval",
            2,
            f"Patient C stands in the splits {left} and eval (so does 1 other); expected each in one of them",
            "fail",
        )


def test_a_group_in_two_splits() -> None:
    (anomaly,) = found(clean() | {"train": two("A", group="g"), "eval": two("C", group="g")})
    assert (anomaly.kind, anomaly.count) == ("patient_in_two_splits", 1)
    assert anomaly.sentence.startswith("Group g stands in the splits train and eval;")


def test_validation_by_nodule_may_share_the_patient_but_no_nodule() -> None:
    splits = clean() | {"validation": two("A", nodule=2, seed=1)}
    assert found(splits, "nodule") == []
    assert [anomaly.kind for anomaly in found(splits, "patient")] == ["patient_in_two_splits"]
    splits["validation"] = two("A", nodule=1, seed=1)
    (anomaly,) = found(splits, "nodule")
    assert anomaly.kind == "nodule_in_two_splits"
    assert anomaly.sentence.startswith("Nodule 1 of series A stands in the splits train and validation;")


def test_a_nodule_of_two_numbers_is_known_by_its_centre() -> None:
    def at(nodule: int, center: tuple[int, int, int], offset: tuple[int, int]) -> PatchExample:
        return PatchExample(
            lung(nodule), 1, "A", "s", "A", nodule_id=nodule, center_zyx=center, offset_yx=offset
        )

    # Window centre less translation: voxel (7, 100, 200) by hand for both.
    splits = clean() | {
        "train": [*two("A"), at(5, (7, 103, 198), (3, -2))],
        "validation": [*two("A", nodule=2, seed=1), at(6, (7, 100, 200), (0, 0))],
    }
    (anomaly,) = found(splits, "nodule")
    assert anomaly.sentence.startswith(
        "The nodule about voxel (7, 100, 200) of series s stands in the splits"
    )


def test_a_random_split_leaks_as_it_was_asked_to() -> None:
    splits = clean() | {"eval": two("A", seed=1)}
    anomalies = found(splits, "patch")
    assert [(one.kind, one.severity) for one in anomalies] == [
        ("patient_in_two_splits", "report"),
        ("nodule_in_two_splits", "report"),
    ]
    # ... but no image may be on both sides under two names.
    copied = PatchExample(splits["train"][0].patch_hu, 0, "X", "x", "X")
    worst = found(splits | {"eval": [*splits["eval"], copied]}, "patch")[0]
    assert (worst.kind, worst.severity) == ("duplicate_across_splits", "fail")


def test_the_same_pixels_on_both_sides() -> None:
    splits = clean()
    copied = PatchExample(splits["eval"][1].patch_hu, 1, "Z", "z", "Z", center_zyx=(1, 2, 3))
    (anomaly,) = found(splits | {"train": [*splits["train"], copied]})
    assert (anomaly.kind, anomaly.split, anomaly.count) == ("duplicate_across_splits", "train, eval", 1)
    assert anomaly.sentence == (
        "The splits train and eval share the pixels of 1 patch, one of them series z at voxel (1, 2, 3) and "
        "series C at voxel (0, 67, 20); expected none"
    )


def test_a_generator_that_copies_evaluation_is_found_out() -> None:
    splits = clean()
    copy = PatchExample(splits["eval"][1].patch_hu, 1, "synthetic", "", "synthetic", source="synthetic")
    (anomaly,) = found(splits | {"train": [*splits["train"], copy]})
    assert anomaly.kind == "duplicate_across_splits"
    assert "a synthetic patch and series C" in anomaly.sentence


@pytest.mark.parametrize("unit", ["patient", "nodule", "patch"])
def test_what_no_unit_excuses(unit: Unit) -> None:
    def worst(**changed: list[PatchExample]) -> Anomaly:
        return found(clean() | changed, unit)[0]

    one = worst(eval=two("C")[1:])
    assert one.kind == "missing_class"
    assert "eval split holds patches of one class only (0 of class 0, 1 of class 1)" in one.sentence
    assert worst(validation=[]).sentence == "The validation split holds no patch; expected both classes"
    train_less = {name: part for name, part in clean().items() if name != "train"}
    assert found(train_less, unit)[0].sentence.startswith("The train split holds no patch")
    one = worst(eval=two("C") + two("synthetic", source="synthetic"))
    assert (one.kind, one.split, one.count) == ("synthetic_outside_training", "eval", 2)
    assert {one.severity, worst(eval=[]).severity} == {"fail"}


def test_duplicates_within_a_split() -> None:
    splits = clean()
    positive = splits["eval"][1]
    splits["eval"] = [*splits["eval"], positive, PatchExample(positive.patch_hu, 0, "C", "C", "C")]
    (anomaly,) = found(splits)
    assert (anomaly.kind, anomaly.split, anomaly.count, anomaly.severity) == (
        "duplicates",
        "eval",
        2,
        "report",
    )
    assert anomaly.sentence == (
        "The eval split holds 2 patches with the pixels of another, and 1 patch with both labels"
    )


def test_what_balance_repeats_in_training_is_no_duplicate() -> None:
    splits = clean()
    splits["train"] = splits["train"] * 3
    assert found(splits) == []


def test_class_balance_counts_training_alone() -> None:
    splits = clean() | {"train": two("A") + [one for k in range(1, 9) for one in two("A", seed=k)[:1]]}
    splits["eval"] = splits["eval"] + [one for k in range(1, 30) for one in two("C", seed=k)[:1]]
    assert found(splits, positive_share=(0.1, 0.9), class_balance="report") == []  # 1 of 10 is the bound
    (anomaly,) = found(splits, positive_share=(0.2, 0.8), class_balance="report")
    assert anomaly.sentence == "10 % of the training patches are positive; expected 20 % to 80 %"


def test_values_that_no_ct_gives() -> None:
    splits = clean()
    saturated, padded = splits["train"][0].patch_hu.copy(), splits["eval"][0].patch_hu.copy()
    saturated[0, 0], padded[0, 0] = -32768, -3024
    splits["train"].append(PatchExample(saturated, 0, "A", "A", "A"))
    splits["eval"].append(PatchExample(padded, 0, "C", "C", "C"))
    (anomaly,) = found(splits)
    assert (anomaly.kind, anomaly.split, anomaly.count) == ("hu_out_of_range", "train", 1)
    assert anomaly.sentence.startswith(
        "The train split holds 1 patch with values outside -3072 to 30719 HU; the extremes are -32768 and "
    )


def test_an_intercept_that_was_not_applied() -> None:
    def stored(examples: list[PatchExample]) -> list[PatchExample]:
        return [
            PatchExample(
                one.patch_hu + np.int16(1024), one.label, one.patient_id, one.series_uid, one.group_id
            )
            for one in examples
        ]

    anomalies = found(clean() | {"eval": stored(two("C"))})
    assert [(one.kind, one.split) for one in anomalies] == [("no_lung", "eval")]
    assert anomalies[0].sentence.startswith("0 % of the pixels of the eval split are as dark as lung")


def test_black_and_white_patches_and_constant_ones() -> None:
    dark = [PatchExample(np.full((40, 40), hu, np.int16), 0, "C", "C", "C") for hu in (-1200, -1001, -1001)]
    anomalies = found(clean() | {"eval": two("C") + dark})
    assert [(one.kind, one.count) for one in anomalies] == [("window_share", 5), ("constant_patches", 3)]
    # Those of one value are no duplicates of one another.
    assert (
        "40 % of the pixels of the eval split lie in the window of -1000 to 400 HU" in anomalies[0].sentence
    )


def test_the_worst_comes_first_and_ignored_kinds_do_not_come() -> None:
    splits = clean() | {"train": two("C"), "eval": two("C")[1:]}
    kinds = [one.kind for one in found(splits)]
    assert kinds == [
        "patient_in_two_splits",
        "nodule_in_two_splits",
        "duplicate_across_splits",
        "missing_class",
    ]
    assert [one.kind for one in found(splits, missing_class="report")] == ["missing_class"]
    mixed = found(splits, missing_class="fail", patient_in_two_splits="report")
    assert [one.severity for one in mixed] == ["fail", "report"]


def test_batches_are_as_good_as_the_whole() -> None:
    splits = clean() | {"eval": two("A", seed=1) + two("C")}
    one_by_one = [(split, [example]) for split, part in splits.items() for example in part]
    summary = summarize(splits, "patient")
    assert find_anomalies(one_by_one, summary) == find_anomalies(splits.items(), summary) != []


def test_statistics_of_other_examples_are_refused() -> None:
    splits = clean()
    with pytest.raises(
        InputError, match=r"other examples: expected 2 patches in the train split\. Received: 4"
    ):
        find_anomalies(splits.items(), summarize(splits | {"train": two("A") * 2}))


def test_luna16_patches_are_in_order(lungnet_data: Any) -> None:
    from lungnet.config import PatchRules, SplitRules
    from lungnet.patches import array_examples, read_array_file

    arrays = read_array_file(lungnet_data / "luna16" / "patches.npz")
    made = array_examples(arrays, PatchRules(), SplitRules(eval_groups=("6", "7")), 0)
    assert found(made.splits, made.unit) == []
