"""Asks a classifier where it looked."""

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from lungnet.evaluation import Looked, RowResult, choose_shown, occlusion_maps
from lungnet.models import LoadedClassifier, grad_cam
from lungnet.patches import ExampleArrays

#: Probabilities come as float32: nearer to 0 and 1 their log odds would be rounding.
_LEAST_PROBABILITY = 1e-6


def where_it_looked(classifier: LoadedClassifier, held: ExampleArrays, result: RowResult) -> Looked:
    """Returns occlusion and, where it has convolutions, Grad-CAM of the worst errors and some right answers.

    Args:
        classifier: that is asked.
        held: evaluation patches.
        result: what it says of them.
    """
    shown = choose_shown(held.labels, result.probabilities, result.threshold)
    patches = held.patches_hu[shown.all]

    def log_odds(patches_hu: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
        probabilities = classifier.predict(patches_hu)[0].astype(np.float64)
        return np.asarray(logit(np.clip(probabilities, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)))

    network = classifier.network
    return Looked(
        shown, occlusion_maps(log_odds, patches), None if network is None else grad_cam(network, patches)
    )
