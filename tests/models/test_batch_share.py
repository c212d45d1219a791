import threading

import numpy as np
import pytest
import tensorflow as tf

from lungnet.models.batch_share import ReplicaShare, WholeBatch, batch_share, draw_for_samples


def test_five_samples_on_two_replicas_by_hand():
    first, second = (ReplicaShare(tf.constant(5), number, 2) for number in (0, 1))
    samples = tf.constant([1.0, 2.0, 3.0, 4.0, 15.0])
    assert first.rows(samples).numpy().tolist() == [1.0, 2.0, 3.0]
    assert second.rows(samples).numpy().tolist() == [4.0, 15.0, 15.0]  # the last one counts for nothing
    assert float(first.mean(first.rows(samples))) == pytest.approx(6 / 5)
    assert float(second.mean(second.rows(samples))) == pytest.approx(19 / 5)
    assert float(first.part(3.0)) == 1.5


@pytest.mark.parametrize(("total", "replicas"), [(1, 2), (2, 3), (6, 3), (7, 3), (8, 5)])
def test_parts_add_up_to_the_mean(total, replicas):
    """Also where a replica has no sample of its own."""
    values = np.random.default_rng(total).normal(size=(total, 2, 3)).astype(np.float32)
    shares = [ReplicaShare(tf.constant(total), number, replicas) for number in range(replicas)]
    parts = [float(share.mean(share.rows(values))) for share in shares]
    assert sum(parts) == pytest.approx(values.mean(), abs=1e-6)
    assert {len(share.rows(values)) for share in shares} == {-(-total // replicas)}
    assert sum(float(share.part(tf.constant(2.0))) for share in shares) == pytest.approx(2.0)


def test_rows_along_another_axis():
    share = ReplicaShare(tf.constant(4), 1, 2)
    assert share.rows(tf.reshape(tf.range(8), (2, 4)), axis=1).numpy().tolist() == [[2, 3], [6, 7]]


def test_one_device_has_the_whole_batch():
    with batch_share(3) as share:
        assert type(share) is WholeBatch
        assert share.rows("anything") == "anything"
        assert float(share.mean(np.array([1.0, 2.0, 6.0], np.float32))) == 3.0
        assert share.part(7.0) == 7.0
        assert draw_for_samples(lambda count: count, 3) == 3
    assert draw_for_samples(lambda count: count, 4) == 4


def test_draws_are_those_of_the_whole_batch(monkeypatch):
    """Each replica draws the same numbers and keeps its own."""

    class Replica:
        num_replicas_in_sync = 2
        replica_id_in_sync_group = 1

    monkeypatch.setattr(tf.distribute, "get_replica_context", Replica)
    with batch_share(tf.constant(5)) as share:
        drawn = draw_for_samples(lambda count: 10 * tf.range(count), len(share.rows(tf.range(5))))
        assert drawn.numpy().tolist() == [30, 40, 40]
        counts = []
        other = threading.Thread(target=lambda: counts.append(draw_for_samples(lambda count: count, 2)))
        other.start()
        other.join()
        assert counts == [2]  # the share is that of its thread
    assert draw_for_samples(lambda count: count, 4) == 4
