"""OnnxExporter: see the class."""

from lungnet.pipeline import Classifier, Component, ComponentSpec, Examples, OnnxModel, Parameter


class OnnxExporter(Component):
    """One ONNX file from HU to probability, held to the SavedModel on real patches, and one for slices."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "classifier": Classifier},
        outputs={"model": OnnxModel},
        parameters={
            "export": Parameter("export"),
        },
    )
    EXECUTOR = "lungnet.components.onnx_exporter.executor:Executor"
