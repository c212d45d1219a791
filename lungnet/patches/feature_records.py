"""Features of patches as TFRecords: what an encoder made of a split.

Files lie as those of `lungnet.patches.tfrecords`, in one shard, in the order of the patches. Each record
is one `tf.train.Example`:

| feature | list | values | meaning |
|---|---|---|---|
| `features` | float | d | the encoder's output |
| `label` | int64 | 1 | as in the patch record |
| `group_id`, `source` | bytes | 1 | as in the patch record |
"""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lungnet.errors import InputError
from lungnet.patches.shards import iterate_records, shard_files, shard_writers

_BATCH = 1024


@dataclass(frozen=True, eq=False)
class FeatureArrays:
    """The features of n patches, row by row.

    Attributes:
        features: float32 `(n, d)`.
        labels: int64 `(n,)`, 0 or 1.
        group_id: text `(n,)`, what the split never parts.
        source: text `(n,)`, "real" or "synthetic".
    """

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    group_id: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.features)

    def restricted_to(self, source: str) -> "FeatureArrays":
        """Returns the rows of one source, "real" or "synthetic", or everything for "all"."""
        kept = (self.source == source) | (source == "all")
        return FeatureArrays(self.features[kept], self.labels[kept], self.group_id[kept], self.source[kept])


def write_features(uri: str | os.PathLike[str], arrays: FeatureArrays, split: str) -> None:
    """Writes one split, whole or not at all.

    Raises:
        InputError: the split is there already, or the folder cannot be written.
    """
    with shard_writers(uri, split, shards=1) as (writer,):
        for row in range(len(arrays)):
            feature = {
                "features": tf.train.Feature(float_list=tf.train.FloatList(value=arrays.features[row])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[arrays.labels[row]])),
                "group_id": _text(arrays.group_id[row]),
                "source": _text(arrays.source[row]),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString(deterministic=True))


def load_features(uri: str | os.PathLike[str], split: str) -> FeatureArrays:
    """Reads one split into memory.

    Raises:
        InputError: no such split, a damaged file, or records of another kind.
    """
    records = [record for shard in shard_files(uri, split) for record in iterate_records(shard)]
    schema = {
        "features": tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "group_id": tf.io.FixedLenFeature([], tf.string),
        "source": tf.io.FixedLenFeature([], tf.string),
    }
    try:
        parts = [
            tf.io.parse_example(tf.constant(records[start : start + _BATCH], tf.string), schema)
            for start in range(0, max(len(records), 1), _BATCH)
        ]
        columns = {name: np.concatenate([part[name].numpy() for part in parts]) for name in schema}
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        raise InputError(f"{uri} does not hold features; expected records of `features`, `label`.") from error
    text = {name: np.array([v.decode() for v in columns[name]], np.str_) for name in ("group_id", "source")}
    return FeatureArrays(columns["features"], columns["label"], text["group_id"], text["source"])


def _text(value: str) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode()]))
