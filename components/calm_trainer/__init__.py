"""CalmTrainer: see the class."""

from lungnet.pipeline import Classifier, Component, ComponentSpec, Encoder, Features, Parameter


class CalmTrainer(Component):
    """CALM on the features (section 5), assembled with the encoder into a classifier of HU patches."""

    SPEC = ComponentSpec(
        inputs={"features": Features, "encoder": Encoder},
        outputs={"classifier": Classifier},
        parameters={
            "calm": Parameter("calm"),
            "calibration": Parameter("calibration"),
            "task": Parameter("task"),
            "seed": Parameter("seed"),
            "distribution": Parameter("distribution"),
        },
    )
    EXECUTOR = "lungnet.components.calm_trainer.executor:Executor"
