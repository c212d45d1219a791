"""Bootstrap over the groups and the seeds of a cross-validation.

Groups are drawn from all folds at once; each stays in its fold, whose models alone may judge it. A fold
of which nothing was drawn does not count. Fold by fold as many seeds are drawn as there are, and for each
drawn seed as many head seeds. All rows are judged on the same draws, so that what is hard in one cancels
in their differences.

Arrays of draws begin with the point value: every group, every seed and every head seed once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from lungnet.evaluation.bootstrap import plan_resampling
from lungnet.evaluation.checks import Floats, Labels, check_labels, encode_groups
from lungnet.evaluation.fold_runs import FoldRun, checked_runs
from lungnet.evaluation.metrics import draw
from lungnet.evaluation.scorer import METRICS, Samples, Scorer
from lungnet.hashing import stable_id

#: With fewer groups than this, over all folds, single patches are drawn.
FEWEST_GROUPS = 6
#: Intervals over fewer groups than this are coarse.
MANY_GROUPS = 20

#: What is measured, in the order of the first axis of every array of measures.
MEASURES = (*((share, name) for share in ("own", "balanced") for name in METRICS), ("own", "brier"))

_UNITS = {"group": "groups", "patch": "single patches"}
#: Which seeds there are several of -> what to say of it.
_OF_SEEDS = {
    "seeds": " Seeds of training are drawn as well, fold by fold.",
    "head seeds": " Head seeds are drawn as well, fold by fold: trainings of CALM and of the plain network "
    "on the same features. There is one seed of all else: what another training of GAN, encoder or the other "
    "rows would change is not in them.",
    "": " There is one seed: what another training would change is not in them.",
}

#: Fold -> seeds.
Seeds = Mapping[int, Iterable[int]]


class FoldResampling:
    """Measures of the rows of a cross-validation under the same draws.

    Args:
        runs: of all folds, in any order.
        confidence: of the intervals, in (0, 1).
        resamples: at least 1.
        seed: of the draws.

    Attributes:
        runs: sorted by fold, seed and head seed.
        folds: that they have.
        plan: what is drawn of the patches; its `estimate` makes an interval.
        drawn: what intervals are over, in words.
        note: one or more sentences for the reader of a report.

    Raises:
        InputError: as `lungnet.evaluation.fold_runs.checked_runs`.
    """

    def __init__(self, runs: Sequence[FoldRun], *, confidence: float, resamples: int, seed: int) -> None:
        self.runs = checked_runs(runs)
        self._runs = {run.key: run for run in self.runs}
        self.folds = sorted({run.fold for run in runs})
        sets, self._set_of = _patch_sets(self.runs)
        names = [name for one in sets for name in one.predictions.group_id]
        codes, count = encode_groups(names, len(names))
        self.plan = plan_resampling(
            codes,
            count,
            confidence=confidence,
            resamples=resamples,
            min_groups=FEWEST_GROUPS,
            seed=seed,
        )
        starts = np.cumsum([0, *(len(one.predictions) for one in sets)])
        self._codes = [self.plan.codes[begin:end] for begin, end in pairwise(starts)]
        self._present = self._folds_drawn([one.fold for one in sets])
        self._weights = _draw_seeds(list(self._runs), resamples, seed)
        self._measured: dict[tuple[int, int, int, str], Floats] = {}
        varied = _varied(self._runs)
        self.drawn = " and ".join(filter(None, (_UNITS[self.plan.unit], varied)))
        self.note = self.plan.note + _coarse(self.plan.unit, count) + _OF_SEEDS[varied]

    def seeds(self, row: str) -> dict[int, set[int]]:
        """The seeds with which a row was trained, fold by fold; folds without it are left out."""
        found: dict[int, set[int]] = {}
        for (fold, seed, _), run in self._runs.items():
            if row in run.rows:
                found.setdefault(fold, set()).add(seed)
        return found

    def mean(self, row: str, seeds: Seeds | None = None) -> Floats:
        """The mean over folds of the mean over seeds and head seeds of a row.

        Args:
            row: its key.
            seeds: that count; by default all that it has.

        Returns:
            float64 `(measures, 1 + resamples)`; NaN where a measure is undefined in a drawn run.
        """
        return self._over_folds(self._fold_values(row, self.seeds(row) if seeds is None else seeds))

    def difference(self, row: str, other: str) -> Floats:
        """The measures of a row less those of another, over the folds and seeds that both have.

        Returns:
            As `mean`; all NaN if they have none in common.
        """
        mine, others = self.seeds(row), self.seeds(other)
        both = {fold: shared for fold in mine if (shared := mine[fold] & others.get(fold, set()))}
        first, second = self._fold_values(row, both), self._fold_values(other, both)
        return self._over_folds({fold: first[fold] - second[fold] for fold in both})

    def measures(self, key: tuple[int, int, int], row: str) -> Floats:
        """The measures of a row in one run (fold, seed, head seed), `(measures, 1 + resamples)`."""
        known = self._measured.get((*key, row))
        if known is None:
            run = self._runs[key]
            labels = check_labels(run.predictions.labels)
            codes = self._codes[self._set_of[key]]
            probabilities = np.asarray(run.predictions.probabilities[row], np.float64)
            scorer = Scorer(labels, probabilities, run.thresholds[row], codes, self.plan.units)
            point = scorer.score(np.ones((1, self.plan.units)))
            known = np.concatenate([_stacked(point), _stacked(draw(scorer, self.plan))], axis=1)
            self._measured[*key, row] = known
        return known

    def _fold_values(self, row: str, seeds: Seeds) -> dict[int, Floats]:
        values: dict[int, Floats] = {}
        for fold, wanted in seeds.items():
            total, weight = np.zeros((len(MEASURES), 1 + self.plan.resamples)), np.zeros(1)
            for seed in sorted(wanted):
                for head, drawn in self._row_weights(fold, seed, row).items():
                    measured = self.measures((fold, seed, head), row)
                    total = total + np.where(drawn > 0.0, drawn * measured, 0.0)
                    weight = weight + drawn
            undefined = np.full_like(total, np.nan)
            values[fold] = np.divide(total, weight, out=undefined, where=weight > 0.0)
        return values

    def _row_weights(self, fold: int, seed: int, row: str) -> dict[int, Floats]:
        """How often each head seed of a row was drawn; one that was trained once is drawn with its seed."""
        drawn = self._weights[fold, seed]
        heads = [head for head in drawn if row in self._runs[fold, seed, head].rows]
        if len(heads) == len(drawn):
            return drawn
        of_seed = np.sum(list(drawn.values()), axis=0)
        return {head: of_seed / len(heads) for head in heads}

    def _over_folds(self, values: Mapping[int, Floats]) -> Floats:
        total = np.zeros((len(MEASURES), 1 + self.plan.resamples))
        count = np.zeros(1 + self.plan.resamples)
        for fold, measured in values.items():
            total += np.where(self._present[fold], measured, 0.0)
            count += self._present[fold]
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

    def _folds_drawn(self, fold_of_set: Sequence[int]) -> dict[int, Labels]:
        """Whether anything of a fold was drawn, bool `(1 + resamples,)`."""
        units = {
            fold: np.unique(
                np.concatenate([c for c, at in zip(self._codes, fold_of_set, strict=True) if at == fold])
            )
            for fold in self.folds
        }
        drawn: dict[int, list[Floats]] = {fold: [np.ones(1)] for fold in self.folds}
        for weights in self.plan.weights():
            for fold, columns in units.items():
                drawn[fold].append(weights[:, columns].sum(axis=1))
        return {fold: np.concatenate(parts) > 0.0 for fold, parts in drawn.items()}


def _patch_sets(runs: Sequence[FoldRun]) -> tuple[list[FoldRun], dict[tuple[int, int, int], int]]:
    """Runs whose evaluation patches differ, and which of them has those of each run.

    Patches that were cut elsewhere are the same whatever the seed; from CT each seed cuts its own.
    """
    sets: list[FoldRun] = []
    index: dict[tuple[object, ...], int] = {}
    of_run: dict[tuple[int, int, int], int] = {}
    for run in runs:
        p = run.predictions
        key = (run.fold, *map(tuple, (p.group_id, p.series_uid, p.nodule_id, p.labels)))
        if key not in index:
            index[key] = len(sets)
            sets.append(run)
        of_run[run.key] = index[key]
    return sets, of_run


def _draw_seeds(
    keys: Sequence[tuple[int, int, int]], resamples: int, seed: int
) -> dict[tuple[int, int], dict[int, Floats]]:
    """How often each head seed of each seed of each fold is drawn, in shares of the head seeds.

    Returns:
        (fold, seed) -> head seed -> float64 `(1 + resamples,)`. Over the seeds of a fold they add up to the
        number of seeds.
    """
    weights: dict[tuple[int, int], dict[int, Floats]] = {}
    for fold in sorted({key[0] for key in keys}):
        rng = np.random.default_rng([seed, stable_id("seeds of a fold", fold)])
        seeds = sorted({key[1] for key in keys if key[0] == fold})
        of_seeds = rng.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), size=resamples)
        for column, one in enumerate(seeds):
            heads = sorted(key[2] for key in keys if key[:2] == (fold, one))
            counts = rng.multinomial(of_seeds[:, column] * len(heads), np.full(len(heads), 1 / len(heads)))
            shares = np.concatenate([np.ones((1, len(heads))), counts]) / len(heads)
            weights[fold, one] = dict(zip(heads, shares.T, strict=True))
    return weights


def _stacked(samples: Samples) -> Floats:
    shares = {"own": {**samples.own, "brier": samples.brier}, "balanced": samples.balanced}
    return np.stack([shares[share][name] for share, name in MEASURES])


def _varied(keys: Collection[tuple[int, int, int]]) -> str:
    """Which seeds there are several of."""
    if len({seed for _, seed, _ in keys}) > 1:
        return "seeds"
    return "head seeds" if len({head for _, _, head in keys}) > 1 else ""


def _coarse(unit: str, groups: int) -> str:
    if unit == "patch" or groups >= MANY_GROUPS:
        return ""
    return f" {groups} groups are few: the intervals are coarse, and rather too narrow than too wide."
