"""Evaluator: see the class."""

from lungnet.pipeline import (
    UPSTREAM,
    Classifier,
    Cohort,
    Component,
    ComponentSpec,
    Evaluation,
    Examples,
    Features,
    ModelBlessing,
    Parameter,
    Predictions,
    SyntheticQuality,
)


class Evaluator(Component):
    """Table 1 and the figures on the evaluation split (section 7), the report, and a verdict.

    `classifiers` begins with the model that is to be blessed. It must reach the bounds of `evaluation` and,
    on the same patches, must not do worse than `baseline_model`, the last one that was blessed, if there is
    one.
    """

    SPEC = ComponentSpec(
        inputs={
            "examples": Examples,
            "features": Features,
            "classifiers": Classifier,
            "cohort": Cohort,
            "baseline_model": Classifier,
            "quality": SyntheticQuality,
        },
        outputs={"predictions": Predictions, "evaluation": Evaluation, "blessing": ModelBlessing},
        parameters={
            "evaluation": Parameter("evaluation"),
            "configuration": Parameter(UPSTREAM),
            "seed": Parameter("seed"),
        },
        optional=frozenset({"features", "cohort", "baseline_model", "quality"}),
        several=frozenset({"classifiers"}),
    )
    EXECUTOR = "lungnet.components.evaluator.executor:Executor"
