"""`benchmark.json` in the root of a benchmark: its data, settings and folds, and the runs these ask for."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lungnet.cli.root_file import RootFile
from lungnet.config import Config
from lungnet.errors import InputError
from lungnet.evaluation.markdown import flat
from lungnet.files import write_json
from lungnet.hashing import fingerprint
from lungnet.patches import Partition
from lungnet.pipeline import Component, Pipeline

NAME = "benchmark.json"
#: The last step that a fold needs; exporting and delivering its model come after it.
LAST_STEP = "Evaluator"

#: What another training on the same features trains again.
_HEADS = ("gan_cae_nn",)
#: Settings that neither change what was trained nor what it answers: which rows there are, and what comes
#: behind them.
_FREE = ("baselines.rows", "evaluation.", "export.", "infra_validation.", "pusher.")
#: The same, unless negatives are mined by scanning.
_OF_SCANS = "scan."
#: So many settings are named where they differ.
_NAMED = 3


def settled(config: Config) -> dict[str, Any]:
    """Returns the settings, with dotted keys, that the runs of one benchmark share."""
    settings = flat(config.model_dump(mode="json"))
    free = _FREE if config.mining.rounds else (*_FREE, _OF_SCANS)
    return {key: value for key, value in settings.items() if not key.startswith(free)}


@dataclass(frozen=True)
class Piece:
    """One run: a fold, a seed, and one of several trainings on its features.

    Attributes:
        fold: number of the fold, from 0.
        seed: of everything.
        head_seed: `calm.head_seed`.
        source: data and configuration of the ordinary run, `head_seed` 0.
    """

    fold: int
    seed: int
    head_seed: int
    source: RootFile

    @property
    def name(self) -> str:
        """The piece in words."""
        head = f", head seed {self.head_seed}" if self.head_seed else ""
        return f"fold {self.fold}, seed {self.seed}{head}"

    def root(self, benchmark: Path) -> Path:
        """The pipeline root of the fold and seed, which all head seeds share."""
        return benchmark / f"fold-{self.fold}-seed-{self.seed}"

    @property
    def config(self) -> Config:
        """The configuration of this run.

        Another head seed has no rows that it does not train again, and is not held to the model of the first.
        """
        config = self.source.config
        if not self.head_seed:
            return config
        rows = tuple(row for row in config.baselines.rows if row in _HEADS)
        return config.model_copy(
            update={
                "calm": config.calm.model_copy(update={"head_seed": self.head_seed}),
                "baselines": config.baselines.model_copy(update={"rows": rows}),
                "evaluation": config.evaluation.model_copy(update={"bless_max_auc_drop": 1.0}),
            }
        )

    def pipeline(self) -> Pipeline:
        """The pipeline of this run."""
        return replace(self.source, config=self.config).pipeline()

    @staticmethod
    def steps(pipeline: Pipeline) -> tuple[Component, ...]:
        """The components of it that the benchmark needs."""
        return pipeline.select(last=LAST_STEP)


@dataclass(frozen=True)
class BenchmarkPlan:
    """What a benchmark is made of.

    Attributes:
        source: data and configuration that all runs share; `split.eval_groups` is empty.
        arrays_sha256: of the file of arrays; empty for CT.
        partition: the groups of each fold.
        seeds: complete runs of each fold, with `seed`, `seed + 1` ...
        head_seeds: trainings of CALM and of the plain network on the features of each of them.
    """

    source: RootFile
    arrays_sha256: str
    partition: Partition
    seeds: int
    head_seeds: int

    def pieces(self, only_fold: int | None = None) -> list[Piece]:
        """The runs, fold by fold; or those of one fold."""
        config = self.source.config
        pieces = []
        for fold, groups in enumerate(self.partition.folds):
            for seed in range(config.seed, config.seed + self.seeds):
                held_out = config.split.model_copy(update={"eval_groups": groups})
                own = config.model_copy(update={"seed": seed, "split": held_out})
                source = replace(self.source, config=own)
                pieces += [Piece(fold, seed, head, source) for head in range(self.head_seeds)]
        return [piece for piece in pieces if only_fold in (None, piece.fold)]

    def fingerprint(self, piece: Piece) -> str:
        """Digest of everything that settles the answers of a piece, besides lungnet's sources."""
        return fingerprint([settled(piece.config), self.arrays_sha256 or str(self.source.data)])

    def write(self, root: Path) -> None:
        """Writes `benchmark.json`.

        Raises:
            InputError: the root cannot be written.
        """
        write_json(
            root / NAME,
            {
                **self.source.to_json(),
                "arrays_sha256": self.arrays_sha256,
                "fold_rule": self.partition.rule,
                "folds": self.partition.folds,
                "seeds": self.seeds,
                "head_seeds": self.head_seeds,
            },
        )

    @classmethod
    def read(cls, root: Path) -> "BenchmarkPlan | None":
        """Reads `benchmark.json`, or returns None where there is none.

        Raises:
            InputError: the file is not one of ours.
        """
        source = RootFile.read(root, NAME)
        if source is None:
            return None
        values = json.loads((root / NAME).read_text("utf-8"))
        try:
            partition = Partition(values["fold_rule"], tuple(map(tuple, values["folds"])))
            return cls(source, values["arrays_sha256"], partition, values["seeds"], values["head_seeds"])
        except (KeyError, TypeError) as error:
            raise InputError(f"{root / NAME} is not a benchmark file of lungnet.") from error

    def check_same(self, root: Path, source: RootFile, arrays_sha256: str, folds: int | None) -> None:
        """Makes sure that what is asked for continues this benchmark.

        Raises:
            InputError: data, settings or number of folds are others; the message names what differs.
        """
        elsewhere = "give what it was begun with, or another --root."
        data = source.data.resolve() if source.data else None
        if (data, arrays_sha256) != (self.source.data, self.arrays_sha256):
            held = f"the CT series in {self.source.data}" if self.source.data else f"{self.source.arrays}"
            given = data or f"{source.arrays}, whose content is another"
            raise InputError(f"{root} holds a benchmark of {held}, not of {given}; {elsewhere}")
        if folds not in (None, len(self.partition.folds)):
            raise InputError(
                f"{root} holds a benchmark of {len(self.partition.folds)} folds, not of {folds}; {elsewhere}"
            )
        before, now = settled(self.source.config), settled(source.config)
        changed = [f"{key} was {before[key]}, now {now[key]}" for key in now if before.get(key) != now[key]]
        if changed:
            more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
            raise InputError(
                f"{root} holds a benchmark with other settings ({'; '.join(changed[:_NAMED])}{more}), and "
                f"folds of different settings are no cross-validation; {elsewhere}"
            )
