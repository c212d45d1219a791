"""What a file of arrays must hold for its task."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.config import PatchRules, SplitRules
from lungnet.errors import InputError
from lungnet.patches import (
    ArrayStage,
    ExampleArrays,
    array_examples,
    describe_arrays,
    measured_unit,
    read_array_file,
)


def rated(count: int = 30, **more: Any) -> dict[str, Any]:
    """Ratings 0 (none) to 5 in turns; five patches a patient."""
    return {
        "patches_hu": np.random.default_rng(1).integers(-1000, 400, (count, 44, 44)).astype(np.int16),
        "malignancy": np.arange(count) % 6,
        "patient_id": np.array([f"LIDC-IDRI-{row // 5:04d}" for row in range(count)]),
        **more,
    }


def saved(folder: Path, arrays: dict[str, Any]) -> Path:
    np.savez(folder / "rated.npz", **arrays)
    return folder / "rated.npz"


def test_ratings_of_at_least_4_stand_against_those_up_to_2(tmp_path: Path) -> None:
    held = read_array_file(saved(tmp_path, rated()), "malignancy")
    assert held.rows == [row for row in range(30) if row % 6 in (1, 2, 4, 5)]
    assert held.labels.tolist() == [0, 0, 1, 1] * 5
    assert held.malignancy.tolist() == [1, 2, 4, 5] * 5
    assert held.nodule_ids == held.rows
    assert held.groups == held.patient_ids and held.unit == "patient"
    assert held.funnel == (
        ArrayStage("all", 30, 6, 0),
        ArrayStage("rated", 25, 6, 5),
        ArrayStage("clear_rating", 20, 6, 5),
    )


def test_means_over_readers_and_a_patient_of_whom_nothing_is_left(tmp_path: Path) -> None:
    arrays = rated(malignancy=np.repeat([2.0, 2.25, 3.75, 4.0, 1.0, 5.0], 5))
    held = read_array_file(saved(tmp_path, arrays), "malignancy")
    assert held.labels.tolist() == [0] * 5 + [1] * 5 + [0] * 5 + [1] * 5
    assert held.funnel[-1] == ArrayStage("clear_rating", 20, 4, 10)


def test_a_file_of_the_other_task_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path, rated())
    with pytest.raises(
        InputError,
        match=r"rated\.npz has 'malignancy' but no 'labels': all its patches are nodules, .*; "
        r"set task=malignancy to learn from the ratings\.",
    ):
        read_array_file(path)
    arrays = rated()
    arrays["labels"] = arrays.pop("malignancy") % 2
    with pytest.raises(
        InputError,
        match=r"has 'labels' but no 'malignancy': task = 'malignancy' needs ratings from 1 to 5; "
        r"set task=nodule to learn from the labels\.",
    ):
        read_array_file(saved(tmp_path, arrays), "malignancy")
    del arrays["labels"]
    with pytest.raises(InputError, match=r"lacks 'malignancy'\. Received: patches_hu, patient_id"):
        read_array_file(saved(tmp_path, arrays), "malignancy")


def test_labels_of_the_other_task_are_not_looked_at(tmp_path: Path) -> None:
    both = saved(tmp_path, rated(labels=np.ones(30)))
    assert read_array_file(both, "malignancy").labels.tolist() == [0, 0, 1, 1] * 5
    both = saved(tmp_path, rated(labels=np.arange(30) % 2))
    held = read_array_file(both)
    assert held.labels.tolist() == [0, 1] * 15
    assert held.funnel == (ArrayStage("all", 30, 6, 0),)


def test_one_class_of_ratings_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one class only; expected both\. Received: 0 of class 0, 30 of"):
        read_array_file(saved(tmp_path, rated(malignancy=np.full(30, 4))), "malignancy")


def test_the_description_tells_means_from_single_ratings(tmp_path: Path) -> None:
    single = describe_arrays(read_array_file(saved(tmp_path, rated()), "malignancy"), "rated.npz")
    assert "20 patches cut elsewhere (10 positive, 10 negative) in 6 patients" in single
    assert "5 rated between and 5 unrated ones were left out" in single
    assert "a whole number, as a single reader gives" in single and "no pathology" in single
    means = rated(malignancy=np.arange(30) % 6 * 0.9)
    assert "a mean over readers" in describe_arrays(
        read_array_file(saved(tmp_path, means), "malignancy"), "rated.npz"
    )
    labelled = rated(labels=np.arange(30) % 2, groups=np.arange(30) % 3)
    said = describe_arrays(read_array_file(saved(tmp_path, labelled)), "rated.npz")
    assert said == "Arrays of rated.npz: 30 patches cut elsewhere (15 positive, 15 negative) in 3 groups."


def test_on_nodules_of_lidc(lungnet_data: Path, tmp_path: Path) -> None:
    path = lungnet_data / "lidc_nodules" / "nodules.npz"
    with pytest.raises(InputError, match="all its patches are nodules"):
        read_array_file(path)
    held = read_array_file(path, "malignancy")
    assert held.funnel == (
        ArrayStage("all", 2157, 702, 0),
        ArrayStage("rated", 2157, 702, 0),
        ArrayStage("clear_rating", 1206, 558, 951),
    )
    said = describe_arrays(held, path.name)
    for expected in ("481 positive, 725 negative", "558 patients", "single reader", "intercept was inferred"):
        assert expected in said
    made = array_examples(held, PatchRules(), SplitRules(), seed=0)
    assert made.unit == measured_unit(made.splits) == "patient"
    splits = {name: ExampleArrays.from_examples(part) for name, part in made.splits.items()}
    counts = Counter(splits["train"].labels.tolist())
    assert counts[0] == counts[1] + np.ceil(counts[1] / 2)  # the minority is repeated, and a surplus
    assert np.abs(splits["train"].offset_yx).max() == 10  # not the margin of 15
    assert not splits["eval"].offset_yx.any()
    assert sum(len(set(part.nodule_id.tolist())) for part in splits.values()) == 1206
    assert 0.1 < len(set(splits["eval"].patient_id.tolist())) / 558 < 0.3
    # However it is packed, it is known.
    with np.load(path) as whole:
        np.savez(tmp_path / "again.npz", **{key: whole[key] for key in whole.files})
    assert "intercept was inferred" in describe_arrays(
        read_array_file(tmp_path / "again.npz", "malignancy"), "again.npz"
    )


def test_what_subgroups_are_made_of_reaches_the_examples(tmp_path: Path) -> None:
    traits: dict[str, Any] = {
        "diameter_mm": np.linspace(3, 32, 30),
        "texture": np.arange(30) % 6,
        "slice_thickness_mm": np.repeat([0.0, 1.25], 15),
        "manufacturer": np.repeat(["", "GE MEDICAL SYSTEMS"], 15),
    }
    held = read_array_file(saved(tmp_path, rated(**traits)), "malignancy")
    made = array_examples(held, PatchRules(), SplitRules(), 0)
    examples = ExampleArrays.from_examples([one for part in made.splits.values() for one in part])
    rows = examples.center_zyx[:, 0]
    for name, values in traits.items():
        np.testing.assert_array_equal(
            getattr(examples, name), values[rows].astype(getattr(examples, name).dtype)
        )
    plain = read_array_file(saved(tmp_path, rated()), "malignancy")
    assert set(plain.manufacturer) == {""} and not plain.texture.any()


def test_a_texture_is_a_rating(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"texture must be within 0 to 5. Received: 9 to 9"):
        read_array_file(saved(tmp_path, rated(texture=np.full(30, 9))), "malignancy")
