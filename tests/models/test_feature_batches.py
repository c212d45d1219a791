import numpy as np

from lungnet.models.feature_batches import gathered_batches


def test_each_pass_asks_anew():
    x, y = np.arange(10.0, dtype=np.float32).reshape(5, 2), np.arange(5)
    orders = iter([[[0, 1], [4]], [[3], [2, 2]]])
    dataset = gathered_batches(x, y, lambda: (np.array(rows) for rows in next(orders)), 2)
    assert dataset.cardinality() == 2
    passes = [[(f.numpy().tolist(), labels.numpy().tolist()) for f, labels in dataset] for _ in range(2)]
    assert passes[0] == [([[0.0, 1.0], [2.0, 3.0]], [0, 1]), ([[8.0, 9.0]], [4])]
    assert passes[1] == [([[6.0, 7.0]], [3]), ([[4.0, 5.0], [4.0, 5.0]], [2, 2])]
