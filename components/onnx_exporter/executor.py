"""What OnnxExporter does."""

from typing import Any

from lungnet.components.onnx_exporter.evidence import read_evidence
from lungnet.config import ExportConfig
from lungnet.export import export_onnx, export_scanner, has_scanner
from lungnet.files import write_json
from lungnet.pipeline import Artifact, BaseExecutor


class Executor(BaseExecutor):
    """Exports, with the parity check on evaluation patches; a scanner too, where the network can scan."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `lungnet.components.OnnxExporter`."""
        model = output_dict["model"][0]
        examples, classifier = input_dict["examples"][0].uri, input_dict["classifier"][0].uri
        config = ExportConfig(**exec_properties["export"])
        evidence = read_evidence(examples, config.precision)
        exported = export_onnx(classifier, model.uri / "classifier.onnx", config=config, **evidence)
        if has_scanner(classifier):
            export_scanner(classifier, model.uri / "scanner.onnx", config=config, **evidence)
        write_json(model.uri / "parity.json", exported.parity.to_json())
        model.properties.update(
            max_difference=exported.parity.max_difference, fingerprint=exported.metadata["fingerprint"]
        )
