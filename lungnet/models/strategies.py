"""From the configuration to the strategy of TensorFlow that a training is distributed by."""

import functools
import socket
import time

import tensorflow as tf

from lungnet.config import Cluster, DistributionConfig
from lungnet.errors import InputError
from lungnet.models.distribution import Distribution
from lungnet.models.strategy_distribution import StrategyDistribution

#: Between two looks for workers that have not come yet.
_PAUSE_S = 0.2


@functools.cache
def make_distribution(config: DistributionConfig) -> Distribution:
    """Returns what the configuration asks for; once made it is used again, for a process joins one cluster.

    With "multi_worker" this must be what a process does first with TensorFlow, and it returns when all
    workers are there.

    Raises:
        InputError: there are fewer (with several workers: other than) `replicas` devices, `TF_CONFIG` is not
            what it should be, this process has used TensorFlow already, its port is taken, or a worker does
            not come within `timeout_s`.
    """
    if config.strategy == "none":
        return Distribution()
    if config.strategy == "mirrored":
        return _mirrored(config.replicas)
    return _multi_worker(config, Cluster.from_environment())


def _mirrored(replicas: int) -> Distribution:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if replicas > len(devices):
        kind = devices[0].device_type
        raise InputError(
            f"distribution.replicas is {replicas}, and this machine has {len(devices)} devices ({kind}) for "
            "TensorFlow; expected at most as many."
        )
    names = [device.name for device in devices[: replicas or None]]
    # Between GPUs TensorFlow's own choice, NCCL; between CPUs nothing that takes more than one process.
    across = None if "GPU" in names[0] else tf.distribute.ReductionToOneDevice()
    return StrategyDistribution(tf.distribute.MirroredStrategy(names, cross_device_ops=across))


def _multi_worker(config: DistributionConfig, cluster: Cluster) -> Distribution:
    if cluster.is_chief:
        _wait_for(cluster, config.timeout_s)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise InputError(
            "TensorFlow was used in this process before it joined the workers; expected a fresh process, as "
            "lungnet run and lungnet step start one for each training."
        ) from error
    except tf.errors.OpError as error:
        raise InputError(
            f"Worker {cluster.index} cannot join at {cluster.workers[cluster.index]}: {_first_line(error)}."
        ) from error
    found = strategy.num_replicas_in_sync
    if config.replicas not in (0, found):
        raise InputError(
            f"distribution.replicas is {config.replicas}, and the {len(cluster.workers)} workers have "
            f"{found} devices together; expected the same number."
        )
    return StrategyDistribution(strategy, cluster)


def _wait_for(cluster: Cluster, timeout_s: float) -> None:
    """Waits until all others listen: TensorFlow itself would wait for an hour and name nobody."""
    end = time.monotonic() + timeout_s
    for number, address in enumerate(cluster.workers):
        while number != cluster.index:
            host, _, port = address.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise InputError(
                        f"Worker {number} of {len(cluster.workers)} did not come to {address} within "
                        f"{timeout_s:g} s ({error.strerror or error}); expected the same command on every "
                        "machine of TF_CONFIG."
                    ) from None
                time.sleep(_PAUSE_S)


def _first_line(error: tf.errors.OpError) -> str:
    return str(error.message).partition("\n")[0]
