"""The numbers of the paper's tables, to be printed beside ours.

The paper's evaluation set is balanced (section 6). Not all of its values fit one another: on a
balanced set a precision and a recall of 92 % imply an accuracy of 92 %, where Table 1 has 90.3 %
and 90.1 %, and its F1 of the plain network (93.5 %) is not the mean of 94.6 % and 93.5 %.
"""

from collections.abc import Mapping
from types import MappingProxyType

#: Row key -> the name that Table 1 gives it, in the table's order.
ROW_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "gan_cae_calm": "GAN+CAE+CALM",
        "gan_cae_nn": "GAN+CAE+NN",
        "gan_cae_lr": "GAN+CAE+LR",
        "gan_cae_svm": "GAN+CAE+SVM",
        "ae": "AE",
        "cnn": "CNN",
    }
)

#: Rows below the paper's, for which it has no value -> what a reader calls them.
FURTHER_ROW_NAMES: Mapping[str, str] = MappingProxyType(
    {"brightness": "Centre brightness only", "size": "Size only"}
)


def row_name(key: str) -> str:
    """Returns what a reader calls a row; a key of nobody's is its own name."""
    return {**ROW_NAMES, **FURTHER_ROW_NAMES}.get(key, key)


def _row(accuracy: float, precision: float, recall: float, f1: float, auc: float) -> Mapping[str, float]:
    return MappingProxyType(
        {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1, "auc": auc}
    )


#: Table 1, "Performance of models": row key -> metric -> value, shares in [0, 1].
TABLE_1: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "gan_cae_calm": _row(0.953, 0.949, 0.95, 0.95, 0.97),
        "gan_cae_nn": _row(0.942, 0.946, 0.935, 0.935, 0.93),
        "gan_cae_lr": _row(0.903, 0.92, 0.92, 0.92, 0.91),
        "gan_cae_svm": _row(0.901, 0.92, 0.92, 0.92, 0.90),
        "ae": _row(0.77, 0.76, 0.77, 0.77, 0.83),
        "cnn": _row(0.89, 0.88, 0.90, 0.89, 0.95),
    }
)

#: Table 2, "Comparison with Literature": model -> accuracy, with the paper's reference numbers.
TABLE_2: Mapping[str, float] = MappingProxyType(
    {
        "Proposed model": 0.953,
        "Kuruvilla and Gunavathi [10]": 0.933,
        "Nascimento et al. [12]": 0.9278,
        "Krewer et al. [8]": 0.9091,
        "da Silva [16]": 0.823,
        "Kumar et al. [9]": 0.77,
    }
)
