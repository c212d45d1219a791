"""BaselineTrainer: see the class."""

from lungnet.pipeline import Classifier, Component, ComponentSpec, Encoder, Examples, Features, Parameter


class BaselineTrainer(Component):
    """One of the paper's rivals (section 7), as a classifier of HU patches.

    Rows on features see the augmented training split. Rows on patches (`ae`, `cnn`) have no GAN in front of
    them: give them the real examples.

    Parameters: `row`, its key in Table 1.
    """

    SPEC = ComponentSpec(
        inputs={"features": Features, "examples": Examples, "encoder": Encoder},
        outputs={"classifier": Classifier},
        parameters={
            "row": Parameter(),
            "baselines": Parameter("baselines"),
            "patches": Parameter("patches"),
            "calm": Parameter("calm"),
            "calibration": Parameter("calibration"),
            "window_hu": Parameter("window_hu"),
            "task": Parameter("task"),
            "seed": Parameter("seed"),
        },
    )
    EXECUTOR = "lungnet.components.baseline_trainer.executor:Executor"
