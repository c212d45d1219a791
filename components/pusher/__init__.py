"""Pusher: see the class."""

from lungnet.pipeline import (
    Component,
    ComponentSpec,
    Evaluation,
    InfraBlessing,
    ModelBlessing,
    OnnxModel,
    Parameter,
    PushedModel,
)


class Pusher(Component):
    """Delivers a model that is blessed twice into a versioned serving folder, its model card beside it.

    A model that lacks a blessing is not pushed, which is no failure of the run. One that is the newest
    version already is not pushed again.
    """

    SPEC = ComponentSpec(
        inputs={
            "model": OnnxModel,
            "model_blessing": ModelBlessing,
            "infra_blessing": InfraBlessing,
            "evaluation": Evaluation,
        },
        outputs={"pushed_model": PushedModel},
        parameters={
            "pusher": Parameter("pusher"),
        },
        optional=frozenset({"evaluation"}),
    )
    EXECUTOR = "lungnet.components.pusher.executor:Executor"
