"""The schema of a patch record, version 1: all that a reader without lungnet needs.

A split is a folder `Split-<split>` (`train`, `validation` or `eval`) of GZIP-compressed TFRecord
files `data_tfrecord-00000-of-00004.gz`. Each record is one serialised `tf.train.Example` with
exactly these features:

| feature | list | values | meaning |
|---|---|---|---|
| `patch_hu` | bytes | 1 | 3,200 bytes: 40 rows of 40 int16, little-endian, row by row, in Hounsfield units |
| `label` | int64 | 1 | 1 for the positive class (nodule, or malignant), else 0 |
| `malignancy` | float | 1 | mean rating of the readers, 1 to 5; 0 if unrated |
| `patient_id` | bytes | 1 | UTF-8; `synthetic` for generated patches |
| `series_uid` | bytes | 1 | UTF-8; empty for generated patches |
| `nodule_id` | int64 | 1 | which nodule of the series; -1 for none |
| `center_zyx` | int64 | 3 | centre of the window as (slice, row, column) of the volume, or of the array it was cut from; the window is rows r-20 ... r+19, columns alike |
| `spacing_mm` | float | 3 | of the volume: between slices, rows, columns; 0 where unknown |
| `offset_yx` | int64 | 2 | the translation applied: window centre minus nodule centre, in pixels |
| `source` | bytes | 1 | `real` or `synthetic` |
| `group_id` | bytes | 1 | UTF-8; what a split never parts: the patient, or the group of an array |
| `diameter_mm` | float | 1 | of the nodule; 0 for none |
| `texture` | float | 1 | mean rating of the readers, 1 (ground glass) to 5 (solid); 0 if unrated |
| `slice_thickness_mm` | float | 1 | of the series; 0 if unknown |
| `manufacturer` | bytes | 1 | of the scanner, UTF-8; empty if unknown |
| `in_plane_factor` | float | 1 | by which the patch was resampled in the plane; 1 is native spacing |
| `schema_version` | int64 | 1 | 1 |

With TensorFlow alone:

    files = tf.io.gfile.glob("Split-train/data_tfrecord-*.gz")
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        example = tf.io.parse_single_example(record, {
            "patch_hu": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
        })
        patch_hu = tf.reshape(tf.io.decode_raw(example["patch_hu"], tf.int16), [40, 40])
"""  # noqa: E501 - a table row cannot be broken

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from lungnet.errors import InputError
from lungnet.patches.columns import LAYOUT, ExampleArrays, check_patch
from lungnet.patches.example import PATCH_SIZE, SCHEMA_VERSION, PatchExample

_KINDS = {np.int16: tf.string, np.str_: tf.string, np.int64: tf.int64, np.float32: tf.float32}

#: What `tf.io.parse_example` needs to read a record.
FEATURES: Mapping[str, tf.io.FixedLenFeature] = {
    attribute: tf.io.FixedLenFeature([] if attribute == "patch_hu" else shape, _KINDS[dtype])
    for attribute, dtype, shape in LAYOUT.values()
} | {"schema_version": tf.io.FixedLenFeature([], tf.int64)}


def encode(example: PatchExample) -> bytes:
    """Returns the record of one example; equal examples give equal bytes.

    Raises:
        ValueError: the patch is not int16 `(40, 40)`.
    """
    check_patch(example.patch_hu)
    features = {}
    for attribute, dtype, shape in LAYOUT.values():
        value = getattr(example, attribute)
        if attribute == "patch_hu":
            feature = _bytes_feature(example.patch_hu.astype("<i2").tobytes())
        elif dtype is np.str_:
            feature = _bytes_feature(value.encode("utf-8"))
        elif dtype is np.int64:
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=value if shape else [value]))
        else:
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=value if shape else [value]))
        features[attribute] = feature
    features["schema_version"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[SCHEMA_VERSION]))
    record = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(record.SerializeToString(deterministic=True))


def decode(records: Sequence[bytes], origin: str) -> ExampleArrays:
    """Parses records into columns.

    Args:
        records: serialised examples.
        origin: the file they come from, for the error.

    Raises:
        InputError: a record is not of this schema.
    """
    if not records:
        return ExampleArrays.from_examples([])
    check_version(records[0], origin)
    try:
        parsed = tf.io.parse_example(tf.constant(records, tf.string), FEATURES)
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"{origin} holds a record that is not of lungnet's patch schema {SCHEMA_VERSION}: "
            f"{error.message.splitlines()[0]}"
        ) from error
    if np.any(parsed["schema_version"].numpy() != SCHEMA_VERSION):
        raise InputError(f"{origin} mixes schema versions; expected schema_version {SCHEMA_VERSION} alone.")
    raw = parsed["patch_hu"].numpy()
    size = 2 * PATCH_SIZE * PATCH_SIZE
    if any(len(patch) != size for patch in raw):
        raise InputError(f"{origin} holds a patch_hu that is not {size} bytes long.")
    patches = np.frombuffer(b"".join(raw), "<i2").reshape(-1, PATCH_SIZE, PATCH_SIZE)
    columns: dict[str, Any] = {"patches_hu": patches.astype(np.int16)}
    for name, (attribute, dtype, _) in LAYOUT.items():
        if attribute != "patch_hu":
            values = parsed[attribute].numpy()
            text = dtype is np.str_
            columns[name] = np.array([value.decode("utf-8") for value in values], dtype) if text else values
    return ExampleArrays(**columns)


def parse(records: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses a batch of serialised records within a `tf.data` pipeline.

    Args:
        records: string `(n,)`.

    Returns:
        The features by name, each `(n, ...)`, with `patch_hu` as int16 `(n, 40, 40)`.
    """
    parsed = dict(tf.io.parse_example(records, FEATURES))
    patches = tf.io.decode_raw(parsed["patch_hu"], tf.int16, little_endian=True)
    parsed["patch_hu"] = tf.reshape(patches, [-1, PATCH_SIZE, PATCH_SIZE])
    return parsed


def check_version(record: bytes, origin: str) -> None:
    """Raises InputError unless `record` is an example of this schema version."""
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise InputError(f"{origin} holds a record that is not a tf.train.Example.") from error
    version = list(feature["schema_version"].int64_list.value) if "schema_version" in feature else []
    if version != [SCHEMA_VERSION]:
        found = version[0] if version else "none"
        raise InputError(
            f"{origin} is not of the patch schema that this lungnet reads; "
            f"expected schema_version {SCHEMA_VERSION}. Received: {found}"
        )


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
