"""GanEvaluator: see the class."""

from lungnet.pipeline import (
    Component,
    ComponentSpec,
    Encoder,
    Examples,
    Generator,
    Parameter,
    SyntheticQuality,
)


class GanEvaluator(Component):
    """Whether the generator is any good: its patches against real ones, beside real against real.

    `examples` are the real ones that the generator was trained on; evaluation patches are only asked about.
    """

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "generator": Generator, "encoder": Encoder},
        outputs={"quality": SyntheticQuality},
        parameters={"quality": Parameter("quality"), "seed": Parameter("seed")},
    )
    EXECUTOR = "lungnet.components.gan_evaluator.executor:Executor"
