import dataclasses

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from lungnet.evaluation.fold_resampling import FEWEST_GROUPS, MEASURES, FoldResampling
from tests.evaluation.fold_runs_of import fold_run, random_runs, with_rows

AUC, ACCURACY = MEASURES.index(("own", "auc")), MEASURES.index(("own", "accuracy"))
OPTIONS = {"confidence": 0.95, "resamples": 150, "seed": 4}


def resampling(runs, **changes) -> FoldResampling:
    return FoldResampling(runs, **{**OPTIONS, **changes})


def test_the_point_is_the_mean_over_folds_of_the_mean_over_seeds():
    runs = random_runs()
    point = resampling(runs).mean("a")[:, 0]
    for name, measure in {
        ("own", "auc"): lambda y, p: roc_auc_score(y, p),
        ("own", "balanced_accuracy"): lambda y, p: balanced_accuracy_score(y, p >= 0.5),
        ("balanced", "accuracy"): lambda y, p: balanced_accuracy_score(y, p >= 0.5),
        ("own", "brier"): lambda y, p: brier_score_loss(y, p),
    }.items():
        values = [
            (run.fold, measure(run.predictions.labels, run.predictions.probabilities["a"])) for run in runs
        ]
        folds = [np.mean([value for fold, value in values if fold == wanted]) for wanted in range(3)]
        assert point[MEASURES.index(name)] == pytest.approx(np.mean(folds))


def test_folds_of_unequal_size_and_number_of_seeds_weigh_the_same():
    # AUC 1 in the one run of fold 0, 0 and 0.5 in the two of fold 1: (1 + 0.25) / 2.
    labels, more = [0, 1], [0, 1, 0, 1]
    runs = [
        fold_run(0, labels, ["a", "a"], {"row": [0.1, 0.9]}),
        fold_run(1, more, ["b", "b", "c", "c"], {"row": [0.9, 0.1, 0.9, 0.1]}, seed=0),
        fold_run(1, more, ["b", "b", "c", "c"], {"row": [0.5, 0.5, 0.5, 0.5]}, seed=1),
    ]
    assert resampling(runs).mean("row")[AUC, 0] == 0.625


def test_every_resample_is_what_scikit_learn_says_of_the_groups_that_were_drawn():
    runs = random_runs(seeds=(0,), head_seeds=1)
    made = resampling(runs, resamples=40)
    samples = made.mean("a")[AUC, 1:]
    names = list(dict.fromkeys(name for run in runs for name in run.predictions.group_id))
    weights = np.concatenate([*made.plan.weights()])
    assert weights.shape == (40, len(names))
    for drawn, sample in zip(weights, samples, strict=True):
        times = dict(zip(names, drawn, strict=True))
        values = []
        for run in runs:
            weight = np.array([times[name] for name in run.predictions.group_id])
            if weight.any():
                p = run.predictions
                values.append(roc_auc_score(p.labels, p.probabilities["a"], sample_weight=weight))
        assert sample == pytest.approx(np.mean(values))


def test_an_interval_over_groups_of_one_patch_is_scipys():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    p = np.clip(labels * 0.4 + rng.normal(0.3, 0.3, 300), 0, 1)
    made = resampling([fold_run(0, labels, [f"g{n}" for n in range(300)], {"row": p})], resamples=4000)
    values = made.mean("row")[ACCURACY]
    ours = made.plan.estimate(values[0], values[1:])
    right = ((p >= 0.5) == labels).astype(float)
    theirs = stats.bootstrap(
        (right,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert ours.value == right.mean()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_a_row_differs_from_itself_by_nothing_on_every_draw():
    runs = []
    for run in random_runs():
        p = run.predictions.probabilities["a"]
        runs.append(with_rows(run, {"a": p, "twin": np.sqrt(p)}))  # the same order
    difference = resampling(runs).difference("a", "twin")
    assert np.abs(difference[AUC]).max() < 1e-12
    assert np.abs(difference[ACCURACY, 0]) > 0.01  # at the same threshold


def test_a_paired_interval_is_narrower_than_two_apart():
    made = resampling(random_runs())
    paired = made.difference("a", "b")[AUC, 1:].std()
    assert made.difference("a", "b")[AUC, 0] == pytest.approx(made.mean("a")[AUC, 0] - made.mean("b")[AUC, 0])
    assert paired < 0.5 * np.hypot(made.mean("a")[AUC, 1:].std(), made.mean("b")[AUC, 1:].std())


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(0)
    labels, groups = np.arange(240) % 2, np.repeat([f"g{n}" for n in range(24)], 10)
    good = np.clip(labels * 0.5 + rng.normal(0.25, 0.2, 240), 0, 1)
    bad = np.clip(labels * 0.1 + rng.normal(0.45, 0.2, 240), 0, 1)

    def width(second) -> float:
        runs = [fold_run(0, labels, groups, {"row": p}, seed) for seed, p in enumerate((good, second))]
        low, high = np.quantile(resampling(runs, resamples=1000).mean("row")[AUC, 1:], [0.025, 0.975])
        return high - low

    assert width(bad) > 3 * width(good)


def test_draws_of_seeds_add_up():
    made = resampling(random_runs(seeds=(3, 5, 9), head_seeds=3))
    for fold in range(3):
        shares = [made._weights[fold, seed] for seed in (3, 5, 9)]
        total = sum(sum(heads.values()) for heads in shares)
        assert total == pytest.approx(np.full(151, 3.0))
        assert [float(heads[0][0]) for heads in shares] == [1 / 3] * 3  # the point: each once
    first, second = made._weights[0, 3][0], made._weights[1, 3][0]
    assert not np.array_equal(first, second)  # what a seed does in one fold says nothing of another


def test_a_row_that_was_trained_once_is_drawn_with_its_seed():
    made = resampling(random_runs())
    assert made.seeds("c") == made.seeds("a") == {0: {0, 1}, 1: {0, 1}, 2: {0, 1}}
    alone = resampling([run for run in random_runs() if not run.head_seed])
    assert made.mean("c")[AUC, 0] == pytest.approx(alone.mean("c")[AUC, 0])
    assert np.isfinite(made.mean("c")).all()


def test_rows_are_compared_where_both_are():
    runs = random_runs()
    for index, run in enumerate(runs):
        if run.fold == 0 or run.seed == 1:
            runs[index] = with_rows(run, {"a": run.predictions.probabilities["a"]})
    made = resampling(runs)
    assert made.seeds("b") == {1: {0}, 2: {0}}
    few = resampling([run for run in random_runs() if run.fold and run.seed == 0])
    assert made.difference("a", "b")[AUC, 0] == pytest.approx(few.difference("a", "b")[AUC, 0])
    assert np.isnan(made.difference("a", "nothing")).all()


def test_few_groups_make_it_patches_and_say_so():
    made = resampling(random_runs(folds=2, groups_per_fold=2, seeds=(0,), head_seeds=1))
    assert (made.plan.unit, made.plan.units) == ("patch", 48)
    assert f"There are 4 groups, fewer than {FEWEST_GROUPS}" in made.note
    assert "There is one seed: what another training would change is not in them." in made.note
    assert made.drawn == "single patches"


def test_the_same_patches_are_one_unit_in_every_run_and_others_are_not():
    runs = random_runs(folds=2, groups_per_fold=2)
    assert resampling(runs).plan.units == 48  # not once for each seed
    cut_anew = dataclasses.replace(runs[-1].predictions, nodule_id=np.arange(24) + 100)
    runs[-1] = dataclasses.replace(runs[-1], predictions=cut_anew)
    assert resampling(runs).plan.units == 48 + 24


def test_the_note_says_what_is_drawn():
    note = resampling(random_runs()).note
    assert "over 12 groups: whole groups are drawn" in note
    assert "12 groups are few: the intervals are coarse" in note
    assert note.endswith("Seeds of training are drawn as well, fold by fold.")
    assert resampling(random_runs()).drawn == "groups and seeds"
    heads_alone = resampling(random_runs(seeds=(0,)))
    assert "There is one seed of all else" in heads_alone.note
    assert heads_alone.drawn == "groups and head seeds"
    assert "coarse" not in resampling(random_runs(groups_per_fold=7)).note


def test_the_seed_decides():
    runs = random_runs()
    assert np.array_equal(resampling(runs).mean("a"), resampling(runs[::-1]).mean("a"))
    assert not np.array_equal(resampling(runs).mean("a"), resampling(runs, seed=5).mean("a"))
