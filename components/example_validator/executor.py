"""What ExampleValidator does."""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lungnet.config import ValidationConfig
from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.patches import SPLITS, Anomaly, ExampleArrays, find_anomalies, iterate_batches
from lungnet.pipeline import Artifact, BaseExecutor

_LOGGER = logging.getLogger(__name__)

#: Sentences that an error quotes.
_QUOTED = 3


class Executor(BaseExecutor):
    """Reads the patches once, batch by batch, and says what is wrong with them."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.ExampleValidator`.

        Raises:
            InputError: there are anomalies that fail the run. It quotes the worst; all are in the log.
        """
        low, high = exec_properties["window_hu"]
        statistics = input_dict["statistics"][0].uri / "statistics.json"
        anomalies = find_anomalies(
            self._batches(input_dict["examples"][0].uri),
            json.loads(statistics.read_text("utf-8")),
            ValidationConfig(**exec_properties["validation"]),
            (low, high),
        )
        for anomaly in anomalies:
            _LOGGER.warning("%s.", anomaly.sentence)
        failing = [anomaly for anomaly in anomalies if anomaly.severity == "fail"]
        if failing:
            raise InputError(_refusal(failing))
        artifact = output_dict["anomalies"][0]
        write_json(
            artifact.uri / "anomalies.json",
            {
                "looked_for": exec_properties["validation"],
                "anomalies": [anomaly.to_json() for anomaly in anomalies],
            },
        )
        artifact.properties.update(blessed=1, anomalies=len(anomalies))

    def _batches(self, uri: Path) -> Iterator[tuple[str, ExampleArrays]]:
        for done, split in enumerate(SPLITS):
            self.context.progress(done, len(SPLITS), split)
            for batch in iterate_batches(uri, split):
                yield split, batch


def _refusal(failing: Sequence[Anomaly]) -> str:
    quoted = "; ".join(anomaly.sentence for anomaly in failing[:_QUOTED])
    more = len(failing) - _QUOTED
    further = f"; and {more} more, which the log has" if more > 0 else ""
    kinds = dict.fromkeys(anomaly.kind for anomaly in failing)
    settings = ", ".join(f"validation.{kind}=report" for kind in kinds)
    return f"{quoted}{further}. To go on all the same: {settings}."
