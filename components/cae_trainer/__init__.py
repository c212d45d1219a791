"""CaeTrainer: see the class."""

from lungnet.pipeline import Component, ComponentSpec, Encoder, Examples, Parameter


class CaeTrainer(Component):
    """Layer-wise convolutional autoencoder, then fine-tuning with labels (sections 3.5 and 4)."""

    SPEC = ComponentSpec(
        inputs={"examples": Examples},
        outputs={"encoder": Encoder},
        parameters={
            "cae": Parameter("cae"),
            "window_hu": Parameter("window_hu"),
            "seed": Parameter("seed"),
            "distribution": Parameter("distribution"),
        },
    )
    EXECUTOR = "lungnet.components.cae_trainer.executor:Executor"
