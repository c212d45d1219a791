"""InfraValidator: see the class."""

from lungnet.pipeline import (
    Classifier,
    Component,
    ComponentSpec,
    Examples,
    InfraBlessing,
    OnnxModel,
    Parameter,
)


class InfraValidator(Component):
    """Asks the exported file about evaluation patches in a fresh process without TensorFlow.

    It is blessed if that process answers in time, says what the SavedModel says, and refuses what is no
    patch. A process that crashes or hangs is a reason not to bless it, and no failure of the run.
    """

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "classifier": Classifier, "model": OnnxModel},
        outputs={"blessing": InfraBlessing},
        parameters={
            "infra_validation": Parameter("infra_validation"),
            "tolerance": Parameter("export.tolerance"),
        },
    )
    EXECUTOR = "lungnet.components.infra_validator.executor:Executor"
