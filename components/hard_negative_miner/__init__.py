"""HardNegativeMiner: see the class."""

from lungnet.pipeline import (
    ENGINE_SETTINGS,
    Classifier,
    Cohort,
    Component,
    ComponentSpec,
    Examples,
    Parameter,
)


class HardNegativeMiner(Component):
    """Training patches of a second round: with false positives of the first one's scanner as negatives.

    The CTs of the training split alone are scanned, whole. What is taken for a nodule there and touches no
    mark of any reader (of nodules of at least 3 mm, be it a single reader's) replaces negatives that were
    drawn at random, as `lungnet.config.MiningConfig` says; validation and evaluation are passed on as they
    are.

    `cohort` is passed on with a sentence more, `hard_negatives`, and with what was mined:

    ```
    cohort.json
    mining.json     threshold; how many detections there were, how many touched a mark, how many were mined
                    and how many of them training holds, in all and for each series; series left out
    ```

    Parameters: `input_base`, the folder of the series.
    Runtime: as `LidcExampleGen`; the examples are the same.
    """

    SPEC = ComponentSpec(
        inputs={"examples": Examples, "cohort": Cohort, "classifier": Classifier},
        outputs={"examples": Examples, "cohort": Cohort},
        parameters={
            "input_base": Parameter(external=True),
            "mining": Parameter("mining"),
            "scan": Parameter("scan"),
            "patches": Parameter("patches"),
            "augment": Parameter("augment"),
            "seed": Parameter("seed"),
        },
        runtime=ENGINE_SETTINGS,
    )
    EXECUTOR = "lungnet.components.hard_negative_miner.executor:Executor"
