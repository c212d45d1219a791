"""Settings of training on several devices."""

from typing import Literal

from lungnet.config.section import CountOrNone, Positive, Section


class DistributionConfig(Section):
    """How a batch is divided among devices (`tf.distribute`).

    `batch_size` is what all devices together see in an update, and every random number is the one that a
    single device draws, so that the result is that of one device but for the order in which gradients are
    summed: weights agree within 1e-4 of their norm after a few updates, and drift apart as those of a single
    device do whose initial weights differ by rounding. That is agreement within a tolerance and not to the
    bit, so it stands here, among what can change a result, and not among a step's runtime settings.

    Attributes:
        strategy: "none" for one device; "mirrored" for the GPUs of this machine (its CPUs where it has none);
            "multi_worker" for several machines, which `TF_CONFIG` in the environment names.
        replicas: devices that share a batch; 0 for all that there are.
        timeout_s: for the other machines to come.
    """

    strategy: Literal["none", "mirrored", "multi_worker"] = "none"
    replicas: CountOrNone = 0
    timeout_s: Positive = 300.0
