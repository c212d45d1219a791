"""What StatisticsGen does."""

from typing import Any

from lungnet.files import write_json
from lungnet.patches import SPLITS, check_splits, load_examples, summarize
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Counts, and refuses splits that cannot be trained or judged on."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.StatisticsGen`."""
        examples = input_dict["examples"][0]
        splits = {split: load_examples(examples.uri, split) for split in SPLITS}
        unit = examples.properties["unit"]
        check_splits(splits, unit)
        write_json(output_dict["statistics"][0].uri / "statistics.json", summarize(splits, unit))
