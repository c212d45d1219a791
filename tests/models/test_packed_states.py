from typing import Any

import numpy as np
import pytest

from lungnet.models.packed_states import pack_states, unpack_states


def test_round_trip():
    states: dict[str, dict[str, Any]] = {
        "weights": {"0": np.arange(6, dtype=np.float32).reshape(2, 3), "1": np.array(3, np.int64)},
        "log": {"history": {"loss": [0.1, 1e-300]}, "events": np.zeros(0, np.uint8), "done": True},
        "nothing": {},
    }
    found = unpack_states(bytes(pack_states(states)))
    assert found.keys() == states.keys()
    assert found["log"]["history"] == {"loss": [0.1, 1e-300]}
    assert found["log"]["done"] is True
    assert found["nothing"] == {}
    for part, name in (("weights", "0"), ("weights", "1"), ("log", "events")):
        assert found[part][name].dtype == states[part][name].dtype
        np.testing.assert_array_equal(found[part][name], states[part][name])


def test_python_objects_are_refused():
    with pytest.raises(TypeError, match="part/name holds Python objects, which would be pickled"):
        pack_states({"part": {"name": np.array([{}])}})
    with pytest.raises(TypeError, match="not JSON serializable"):
        pack_states({"part": {"name": object()}})
