"""Augmenter: see the class."""

from lungnet.pipeline import Component, ComponentSpec, Examples, Generator, Parameter


class Augmenter(Component):
    """Adds synthetic positives and balances them with real negatives (section 6), in training alone."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "generator": Generator},
        outputs={"examples": Examples},
        parameters={
            "augment": Parameter("augment"),
            "patches": Parameter("patches"),
            "seed": Parameter("seed"),
        },
    )
    EXECUTOR = "lungnet.components.augmenter.executor:Executor"
