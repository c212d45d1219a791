"""GanTrainer: see the class."""

from lungnet.pipeline import Component, ComponentSpec, Examples, Generator, Parameter


class GanTrainer(Component):
    """WGAN-GP on the positives of the training split (section 4)."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples},
        outputs={"generator": Generator},
        parameters={
            "gan": Parameter("gan"),
            "window_hu": Parameter("window_hu"),
            "seed": Parameter("seed"),
            "distribution": Parameter("distribution"),
        },
    )
    EXECUTOR = "lungnet.components.gan_trainer.executor:Executor"
