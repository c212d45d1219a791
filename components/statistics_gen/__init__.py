"""StatisticsGen: see the class."""

from lungnet.pipeline import Component, ComponentSpec, Examples, Statistics


class StatisticsGen(Component):
    """Counts, sources, patients and HU histogram of each split."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples},
        outputs={"statistics": Statistics},
    )
    EXECUTOR = "lungnet.components.statistics_gen.executor:Executor"
