"""What HardNegativeMiner does."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lungnet.components.hard_negative_miner.mine import (
    MinedSeries,
    left_out_from,
    mine,
    mined_from,
    open_scanner,
)
from lungnet.components.hard_negative_miner.outcome import (
    hardest_first,
    in_words,
    statistics,
    training_series,
)
from lungnet.components.lidc_example_gen.survey import find_archive, series_to_json
from lungnet.config import AugmentConfig, ExportConfig, MiningConfig, PatchRules, ScanConfig
from lungnet.errors import InputError
from lungnet.export import export_scanner
from lungnet.files import write_json
from lungnet.patches import load_examples, with_mined_negatives, write_examples
from lungnet.pipeline import Artifact, BaseExecutor, Engine, Task, TaskResults

_LOGGER = logging.getLogger(__name__)

#: The form that a CPU runs quickly. How a user's files are exported must not change what is mined.
_FORM = ExportConfig(pad_channels=16, split_first=True)


class Executor(BaseExecutor):
    """Exports a scanner of the first round, scans each training series with it, and mixes its errors in.

    What was found lies in `checkpoint_dir`, a file for each series, and is not looked for again after an
    interruption.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.HardNegativeMiner`."""
        seed, rules = exec_properties["seed"], PatchRules(**exec_properties["patches"])
        config, scan = MiningConfig(**exec_properties["mining"]), ScanConfig(**exec_properties["scan"])
        first_round, classifier = input_dict["examples"][0], input_dict["classifier"][0]
        cohort = _read(input_dict["cohort"][0].uri / "cohort.json")
        if config.threshold is not None:
            scan = scan.model_copy(update={"threshold": config.threshold})
        scanner = self._scanner(classifier.uri)
        threshold = open_scanner(str(scanner), scan).threshold
        settings = {
            "scanner": str(scanner),
            "scan_settings": scan.model_dump(mode="json"),
            "most": config.max_per_series,
            "rules": rules.model_dump(mode="json"),
            "seed": seed,
        }
        results = self._mine(exec_properties["input_base"], training_series(cohort), settings)

        mined: dict[str, MinedSeries] = {}
        left_out: dict[str, str] = {}
        for series_uid, result in results:
            if why := left_out_from(result):
                _LOGGER.warning("Left out: %s", why.reason)
                left_out[series_uid] = why.reason_without_folder
            else:
                mined[series_uid] = mined_from(result)
                self.context.series_uids.append(series_uid)
        real = load_examples(first_round.uri, "train")
        positives = int((real.labels == 1).sum())
        synthetic = round(AugmentConfig(**exec_properties["augment"]).rate * positives)
        wanted = round(rules.negatives_per_positive * (positives + synthetic))
        ranked = hardest_first(mined)
        train, taken = with_mined_negatives(real, ranked, wanted, config.max_share, seed)

        examples = output_dict["examples"][0]
        write_examples(examples.uri, train.examples(), "train", rules.shards)
        for split in ("validation", "eval"):
            shutil.copytree(first_round.uri / f"Split-{split}", examples.uri / f"Split-{split}")
        examples.properties.update(first_round.properties, hard_negatives=taken)
        examples.properties["data_description"] += (
            f" Of the training negatives {taken:,} are false positives of a first round's scanner."
        )
        record = statistics(mined, ranked.series_uid[:taken].tolist(), left_out, threshold)
        record["negatives"] = int((train.labels == 0).sum())
        passed_on = output_dict["cohort"][0].uri
        write_json(passed_on / "mining.json", record)
        write_json(passed_on / "cohort.json", {**cohort, "hard_negatives": in_words(record)})

    def _scanner(self, classifier: Path) -> Path:
        """Exports the first round's scanner, unless an attempt that was interrupted did."""
        path = self.context.checkpoint_dir / "scanner.onnx"
        if not path.exists():
            export_scanner(classifier, path, config=_FORM)
        return path

    def _mine(
        self, input_base: str, wanted: set[str], settings: dict[str, Any]
    ) -> Iterator[tuple[str, bytes]]:
        """Yields the UID of each training series and what `mine` returned of it.

        Raises:
            InputError: one of them is not there.
        """
        folder = self.context.checkpoint_dir
        results = TaskResults(folder / "mined")
        with Engine(self.context.runtime, self.context.progress) as engine:
            archive = find_archive(input_base, TaskResults(folder / "survey"), engine)
            # Of a series that lies there twice, LidcExampleGen takes the last.
            found = {place.series_uid: place for place in archive.places if place.series_uid in wanted}
            if missing := sorted(wanted - found.keys()):
                raise InputError(
                    f"{len(missing)} of {len(wanted)} training series do not lie below {input_base}; "
                    f"expected the folder that the examples were taken from. The first: {missing[0]}."
                )
            places = list(found.values())
            tasks = (
                Task(
                    place.key,
                    f"series {place.series_uid}",
                    {"series": series_to_json(archive.files(place)), **settings},
                )
                for place in places
            )
            engine.run(f"{mine.__module__}:mine", tasks, results, total=len(places), text="scans")
        for place in places:
            yield place.series_uid, results.read(place.key)


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return value
