"""ArrayExampleGen: see the class."""

from lungnet.pipeline import Cohort, Component, ComponentSpec, Examples, Parameter


class ArrayExampleGen(Component):
    """Patches that were cut elsewhere, such as LUNA16's candidates.

    Parameters: `input_file`, an `.npz` with `patches_hu`, `groups` or `patient_id`, and what the task needs:
    `labels` (nodule) or `malignancy` (`lungnet.patches.read_array_file`).
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
