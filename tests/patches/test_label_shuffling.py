"""Labels that say nothing: one for each nodule, whatever split it is in, learned in vain unless it leaks."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from lungnet.config import PatchRules, SplitRules
from lungnet.patches import (
    ExampleArrays,
    PatchExample,
    array_examples,
    read_array_file,
    shuffled_labels,
    with_shuffled_labels,
)

SHUFFLED = PatchRules(shuffle_labels=True)
SPLIT = SplitRules(eval_groups=("4", "5"))


def test_single_patches_are_permuted():
    labels = (np.arange(200) % 5 == 0).astype(np.int64)
    units = [f"patch {number}" for number in range(200)]
    dealt = shuffled_labels(labels, units, 0)
    assert dealt.sum() == 40
    assert 0.6 < (dealt == labels).mean() < 0.76  # 0.68 where they have nothing to do with each other
    np.testing.assert_array_equal(shuffled_labels(labels, units, 0), dealt)
    assert (shuffled_labels(labels, units, 1) != dealt).any()


def test_the_order_of_patches_plays_no_part_and_neither_do_their_labels():
    labels, units = np.array([1, 1, 0, 0, 0, 0, 0, 0]), [f"patch {number}" for number in range(8)]
    dealt = shuffled_labels(labels, units, 3)
    np.testing.assert_array_equal(shuffled_labels(labels[::-1], units[::-1], 3)[::-1], dealt)
    np.testing.assert_array_equal(shuffled_labels(labels[::-1], units, 3), dealt)


def test_a_nodule_has_one_label():
    # 20 nodules of 5 patches each and 100 patches that are none.
    units = [f"nodule {number // 5}" for number in range(100)] + [f"patch {number}" for number in range(100)]
    labels = np.repeat([1, 0], 100)
    dealt = shuffled_labels(labels, units, 0)
    assert dealt.sum() == 100
    of_nodules = dealt[:100].reshape(20, 5)
    assert (of_nodules == of_nodules[:, :1]).all()
    assert 0 < of_nodules[:, 0].sum() < 20 and 0 < dealt[100:].sum() < 100


def test_what_is_dealt_hangs_on_the_unit_and_not_on_its_split():
    # Two splits of equal prevalence share 50 patches, as a leak would have it.
    one, other = ([f"patch {number}" for number in range(first, first + 400)] for first in (0, 350))
    labels = (np.arange(400) % 4 == 0).astype(np.int64)
    shared = shuffled_labels(labels, one, 0)[350:], shuffled_labels(labels, other, 0)[:50]
    assert (shared[0] == shared[1]).mean() > 0.85  # 0.625 by chance


def test_a_nodule_that_is_too_large_for_what_is_left_stays_negative():
    # One positive patch; the only other unit has three.
    dealt = shuffled_labels(np.array([1, 0, 0, 0]), ["a", "b", "b", "b"], 0)
    assert dealt.tolist() == [1, 0, 0, 0]
    assert shuffled_labels(np.array([0, 1, 0]), ["b", "b", "b"], 0).sum() == 0


def test_examples_keep_everything_but_their_label():
    examples = [
        PatchExample(
            np.full((40, 40), number, np.int16),
            int(number < 10),
            "patient",
            "series",
            "patient",
            nodule_id=number // 5 if number < 10 else -1,
            center_zyx=(number, 0, 0),
        )
        for number in range(40)
    ]
    dealt = list(with_shuffled_labels(iter(examples), iter(examples), 1))
    assert [example.center_zyx for example in dealt] == [example.center_zyx for example in examples]
    assert sum(example.label for example in dealt) == 10
    assert [example.label for example in dealt] != [example.label for example in examples]
    assert (
        len({example.label for example in dealt[:5]}) == len({example.label for example in dealt[5:10]}) == 1
    )


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """900 noisy patches in six groups; one in four has a faint pattern, spread over the whole patch."""
    rng = np.random.default_rng(0)
    labels = (rng.random(900) < 0.25).astype(np.int64)
    pattern = np.kron(rng.normal(size=(20, 20)), np.ones((2, 2)))
    patches = -500 + 200 * rng.normal(size=(900, 40, 40)) + 16 * labels[:, None, None] * pattern
    path = tmp_path_factory.mktemp("pool") / "candidates.npz"
    groups = np.arange(900) // 150
    np.savez(path, patches_hu=patches.astype(np.int16), labels=labels, groups=groups)
    return path


def splits(path: Path, rules: PatchRules, seed: int = 0) -> dict[str, ExampleArrays]:
    made = array_examples(read_array_file(path), rules, SPLIT, seed)
    return {name: ExampleArrays.from_examples(part) for name, part in made.splits.items()}


def test_every_split_is_dealt_anew_and_all_copies_of_a_patch_share_one_label(candidates: Path):
    true, dealt = splits(candidates, PatchRules()), splits(candidates, SHUFFLED)
    for name in ("validation", "eval"):
        np.testing.assert_array_equal(dealt[name].patches_hu, true[name].patches_hu)
        np.testing.assert_array_equal(dealt[name].center_zyx, true[name].center_zyx)
        assert dealt[name].labels.sum() == true[name].labels.sum()
        assert (dealt[name].labels != true[name].labels).any()
    by_row: dict[int, set[int]] = {}
    for row, label in zip(dealt["train"].center_zyx[:, 0].tolist(), dealt["train"].labels, strict=True):
        by_row.setdefault(row, set()).add(int(label))
    assert {len(labels) for labels in by_row.values()} == {1}
    assert len(by_row) < len(dealt["train"])  # and there are copies, as balancing makes them
    for one in (true["train"], dealt["train"]):
        assert one.labels.sum() == true["train"].labels.sum()


def small(examples: ExampleArrays) -> np.ndarray:
    """Means of 2 x 2 pixels, scaled, `(n, 400)`."""
    return examples.patches_hu.reshape(-1, 20, 2, 20, 2).mean((2, 4)).reshape(-1, 400) / 200 + 2.5


def auc(made: dict[str, ExampleArrays], train: ExampleArrays, shrinkage: float = 0.01) -> float:
    """Of a logistic regression learned from `train`, on the evaluation patches."""
    fitted = LogisticRegression(C=shrinkage, max_iter=1000).fit(small(train), train.labels)
    return float(roc_auc_score(made["eval"].labels, fitted.decision_function(small(made["eval"]))))


def test_a_classifier_comes_out_at_chance(candidates: Path):
    true = splits(candidates, PatchRules())
    assert auc(true, true["train"]) > 0.8
    shuffled = []
    for seed in range(6):
        made = splits(candidates, SHUFFLED, seed)
        shuffled.append(auc(made, made["train"]))
    assert 0.45 <= np.mean(shuffled) <= 0.55
    assert np.std(shuffled) > 0  # the seed deals other labels


def test_a_classifier_that_saw_evaluation_patches_does_not(candidates: Path):
    made = splits(candidates, SHUFFLED)
    leaking = ExampleArrays.concatenate([made["train"], made["eval"]])
    assert auc(made, leaking, 1.0) > 0.8
