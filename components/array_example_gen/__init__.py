"""ArrayExampleGen: see the class."""

from lungnet.pipeline import Cohort, Component, ComponentSpec, Examples, Parameter


class ArrayExampleGen(Component):
    """Patches that were cut elsewhere, such as LUNA16's candidates.

    Parameters: `input_file`, an `.npz` with `patches_hu`, `labels` (or `malignancy`) and `groups`
    (or `patient_id`).
    """

    SPEC = ComponentSpec(
        inputs={},
        outputs={"examples": Examples, "cohort": Cohort},
        parameters={
            "input_file": Parameter(external=True),
            "split": Parameter("split"),
            "patches": Parameter("patches"),
            "task": Parameter("task"),
            "seed": Parameter("seed"),
        },
    )
    EXECUTOR = "lungnet.components.array_example_gen.executor:Executor"
