"""What ArrayExampleGen does."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from lungnet.config import PatchRules, SplitRules
from lungnet.files import write_json
from lungnet.patches import SPLITS, array_examples, describe_arrays, read_array_file, write_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Checks the file, splits by group, crops."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.ArrayExampleGen`."""
        path = Path(exec_properties["input_file"])
        rules = PatchRules(**exec_properties["patches"])
        arrays = read_array_file(path, exec_properties["task"])
        made = array_examples(arrays, rules, SplitRules(**exec_properties["split"]), exec_properties["seed"])
        examples = output_dict["examples"][0]
        for split in SPLITS:
            write_examples(examples.uri, made.splits[split], split, rules.shards)
        examples.properties.update(
            split_names=list(SPLITS),
            span=0,
            version=0,
            unit=made.unit,
            data_description=describe_arrays(arrays, path.name),
        )
        write_json(
            output_dict["cohort"][0].uri / "cohort.json",
            {
                "file": path.name,
                "patches": len(arrays.labels),
                "funnel": [asdict(stage) for stage in arrays.funnel],
                "split": {name: sorted({e.group_id for e in part}) for name, part in made.splits.items()},
            },
        )
