"""FeatureGen: see the class."""

from lungnet.pipeline import Component, ComponentSpec, Encoder, Examples, Features


class FeatureGen(Component):
    """The encoder's features of every patch, as TFRecords."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "encoder": Encoder},
        outputs={"features": Features},
    )
    EXECUTOR = "lungnet.components.feature_gen.executor:Executor"
