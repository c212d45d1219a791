import keras
import numpy as np

from lungnet.models.encoding import encode


def test_rows_keep_their_order_over_chunks():
    patches = keras.Input((40, 40, 1))
    mean = keras.Model(patches, keras.layers.GlobalAveragePooling2D()(patches))
    hu = np.repeat(np.arange(1200, dtype=np.int16), 1600).reshape(-1, 40, 40)
    # Within the window 0..1000 the mean of a constant patch is its value over 1000; above, 1.
    expected = np.minimum(np.arange(1200) / 1000, 1.0)
    np.testing.assert_allclose(encode(mean, hu, (0.0, 1000.0))[:, 0], expected, atol=1e-6)
    assert encode(mean, hu[:0], (0.0, 1000.0)).shape == (0, 1)
