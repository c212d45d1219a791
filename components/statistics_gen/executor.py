"""What StatisticsGen does."""

from typing import Any

from lungnet.files import write_json
from lungnet.patches import SPLITS, Summary, iterate_batches
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Counts, batch by batch; judging is ExampleValidator's."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.StatisticsGen`."""
        examples, statistics = input_dict["examples"][0], output_dict["statistics"][0]
        summary = Summary(SPLITS)
        for done, split in enumerate(SPLITS):
            self.context.progress(done, len(SPLITS), split)
            for batch in iterate_batches(examples.uri, split):
                summary.add(split, batch)
        write_json(statistics.uri / "statistics.json", summary.to_json(examples.properties["unit"]))
        statistics.properties["split_names"] = list(SPLITS)
