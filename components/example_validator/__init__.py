"""ExampleValidator: see the class."""

from lungnet.pipeline import Anomalies, Component, ComponentSpec, Examples, Parameter, Statistics


class ExampleValidator(Component):
    """Looks for leaks between splits, synthetic patches where one measures, and values that no CT gives.

    What `validation` of the configuration calls "fail" ends the run before anything is trained; what it
    calls "report" is logged and kept.
    """

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "statistics": Statistics},
        outputs={"anomalies": Anomalies},
        parameters={
            "validation": Parameter("validation"),
            "window_hu": Parameter("window_hu"),
        },
    )
    EXECUTOR = "lungnet.components.example_validator.executor:Executor"
