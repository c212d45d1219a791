"""What OnnxExporter does."""

from typing import Any

from lungnet.config import ExportConfig
from lungnet.export import export_onnx
from lungnet.files import write_json
from lungnet.patches import load_examples
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Exports, with the parity check on evaluation patches."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.OnnxExporter`."""
        model = output_dict["model"][0]
        classifier = input_dict["classifier"][0]
        exported = export_onnx(
            classifier.uri,
            model.uri / "classifier.onnx",
            config=ExportConfig(**exec_properties["export"]),
            sample_hu=load_examples(input_dict["examples"][0].uri, "eval").patches_hu,
        )
        write_json(model.uri / "parity.json", exported.parity.to_json())
        model.properties.update(
            max_difference=exported.parity.max_difference, fingerprint=exported.metadata["fingerprint"]
        )
