import keras
import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from lungnet.errors import InputError
from lungnet.models import DecisionTreeHead, fit_decision_tree


def _data(n=400, features=20):
    rng = np.random.default_rng(5)
    x = rng.integers(0, 8, (n, features)).astype(np.float32) / 8  # ties on thresholds
    y = (x[:, 3] + 0.3 * x[:, 7] + 0.2 * rng.standard_normal(n) > 0.6).astype(int)
    return x, y


def test_a_stump_by_hand():
    x = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)
    tree = DecisionTreeClassifier(max_depth=1).fit(x, [0, 0, 1, 0])
    # Split at 1.5: left holds no positive of two, right one of two.
    head = DecisionTreeHead.from_tree(tree)
    np.testing.assert_allclose(head.probability(x), [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(head(x), [np.log(1e-4 / (1 - 1e-4))] * 2 + [0, 0], rtol=1e-5)


@pytest.mark.parametrize("depth", [1, 4, 9])
def test_probabilities_are_those_of_scikit_learn(depth):
    x, y = _data()
    tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x, y)
    other = np.random.default_rng(6).integers(0, 9, (500, 20)).astype(np.float32) / 8
    head = DecisionTreeHead.from_tree(tree)
    expected = tree.predict_proba(other)[:, 1].astype(np.float32)
    np.testing.assert_array_equal(np.asarray(head.probability(other)), expected)


def test_a_threshold_between_two_floats_sends_each_to_its_side():
    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    tree = DecisionTreeClassifier().fit([[low], [high]], [0, 1])
    x = np.array([[low], [high]], np.float32)
    head = DecisionTreeHead.from_tree(tree)
    np.testing.assert_array_equal(np.asarray(head.probability(x)), tree.predict_proba(x)[:, 1])


def test_keras_file_round_trip(tmp_path):
    x, y = _data()
    inputs = keras.Input((20,))
    head = fit_decision_tree(x, y, 5, seed=1)
    model = keras.Model(inputs, head(inputs))
    model.save(tmp_path / "tree.keras")
    loaded = keras.models.load_model(tmp_path / "tree.keras")
    assert len(np.unique(head(x))) > 4
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(head(x)))
    assert loaded.trainable_weights == []


def test_same_seed_same_tree():
    x, y = _data()
    one, two = (fit_decision_tree(x, y, 5, seed=3).get_weights() for _ in range(2))
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left, right)


def test_other_classes_are_refused():
    tree = DecisionTreeClassifier().fit([[0.0], [1.0]], [1, 2])
    with pytest.raises(ValueError, match=r"classes must be 0 and 1\. Received: \[.*1.*2"):
        DecisionTreeHead.from_tree(tree)


def test_one_class_is_refused():
    x, _ = _data(10)
    with pytest.raises(InputError, match="both classes"):
        fit_decision_tree(x, np.zeros(10), 3, seed=0)
