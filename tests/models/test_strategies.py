import numpy as np
import pytest
import tensorflow as tf

from lungnet.config import DistributionConfig, GanConfig
from lungnet.errors import InputError
from lungnet.models import Distribution, make_distribution, train_gan
from tests.loopback_cluster import free_ports, tf_config


def test_none_is_one_device():
    assert type(make_distribution(DistributionConfig())) is Distribution


def test_more_replicas_than_devices():
    devices = len(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))
    config = DistributionConfig(strategy="mirrored", replicas=devices + 1)
    with pytest.raises(
        InputError, match=rf"replicas is {devices + 1}, and this machine has {devices} devices"
    ):
        make_distribution(config)


def test_xla_is_for_one_device():
    shared = make_distribution(DistributionConfig(strategy="mirrored", replicas=1))
    patches_hu = np.zeros((4, 40, 40), np.int16)
    config = GanConfig(latent_dim=2, width=1, batch_size=2, generator_steps=1, xla=True)
    with pytest.raises(InputError, match="XLA compiles no step that several devices share"):
        train_gan(patches_hu, config, (-1000.0, 400.0), 0, distribution=shared)


def test_a_cluster_that_is_not_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="variable TF_CONFIG, and it is not set"):
        make_distribution(DistributionConfig(strategy="multi_worker"))


def test_a_worker_that_does_not_come(monkeypatch):
    ports = free_ports(2)
    monkeypatch.setenv("TF_CONFIG", tf_config(ports, 0))
    expected = rf"Worker 1 of 2 did not come to 127\.0\.0\.1:{ports[1]} within 0\.3 s"
    with pytest.raises(InputError, match=expected):
        make_distribution(DistributionConfig(strategy="multi_worker", timeout_s=0.3))


def test_tensorflow_was_used_before(monkeypatch):
    tf.constant(0.0) + 1.0
    monkeypatch.setenv("TF_CONFIG", tf_config(free_ports(1), 0))
    with pytest.raises(InputError, match="TensorFlow was used in this process before it joined the workers"):
        make_distribution(DistributionConfig(strategy="multi_worker"))
