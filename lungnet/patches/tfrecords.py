"""Patch examples as TFRecords on disk; `lungnet.patches.schema` documents the records.

    <uri>/
        Split-train/
            data_tfrecord-00000-of-00004.gz
            ...
        Split-validation/
        Split-eval/

A record's shard is the hash of its series (of its group where there is none) modulo the number of
shards, so that the patches of a CT lie together and an added CT moves no other. Within a shard the
order is the order of writing. Equal examples give equal bytes.
"""

import itertools
import os
from collections.abc import Iterable, Iterator

import tensorflow as tf

from lungnet.hashing import stable_id
from lungnet.patches.columns import ExampleArrays
from lungnet.patches.example import PatchExample
from lungnet.patches.schema import check_version, decode, encode, parse
from lungnet.patches.shards import iterate_records, shard_files, shard_writers


def write_examples(
    uri: str | os.PathLike[str], examples: Iterable[PatchExample], split: str, shards: int = 4
) -> int:
    """Writes one split, whole or not at all.

    Args:
        uri: folder that holds the splits; made if missing.
        examples: what to write; consumed one by one.
        split: "train", "validation" or "eval".
        shards: number of files.

    Returns:
        The number of records written.

    Raises:
        InputError: the split is there already, or the folder cannot be written.
        ValueError: unknown split, fewer than one shard, or a patch that is not int16 `(40, 40)`.
    """
    count = 0
    with shard_writers(uri, split, shards) as writers:
        for example in examples:
            writers[stable_id(example.series_uid or example.group_id) % shards].write(encode(example))
            count += 1
    return count


def read_examples(
    uri: str | os.PathLike[str], split: str, batch_size: int | None = None
) -> "tf.data.Dataset":
    """Reads one split as a stream; every shard is checked to be whole before the first record.

    Args:
        uri: folder that holds the splits.
        split: "train", "validation" or "eval".
        batch_size: patches in each element; None for single ones.

    Returns:
        A dataset of dicts with the features of the schema, in file order: `patch_hu` int16
        `(40, 40)`, integers int64, reals float32, text as bytes; with `batch_size` each has a
        leading batch axis.

    Raises:
        InputError: no such split, a missing or truncated shard, or another schema version.
    """
    shards = shard_files(uri, split)
    for shard in shards:
        for position, record in enumerate(iterate_records(shard)):
            if position == 0:
                check_version(record, str(shard))
    records = tf.data.TFRecordDataset([str(shard) for shard in shards], compression_type="GZIP")
    if batch_size is not None:
        return records.batch(batch_size).map(parse)
    # Parsing a batch costs little more than parsing one record.
    return records.batch(256).map(parse).unbatch()


def load_examples(uri: str | os.PathLike[str], split: str) -> ExampleArrays:
    """Reads one split into memory, in file order (3.2 kB a patch).

    Args:
        uri: folder that holds the splits.
        split: "train", "validation" or "eval".

    Returns:
        The columns.

    Raises:
        InputError: as `read_examples`.
    """
    return ExampleArrays.concatenate(iterate_batches(uri, split))


def iterate_batches(
    uri: str | os.PathLike[str], split: str, batch_size: int = 1024
) -> Iterator[ExampleArrays]:
    """Reads one split in file order, holding one batch in memory at a time.

    Args:
        uri: folder that holds the splits.
        split: "train", "validation" or "eval".
        batch_size: patches of a batch at most; none reaches beyond its file.

    Raises:
        InputError: as `read_examples`, but of a damaged file only once its batches were yielded.
    """
    for shard in shard_files(uri, split):
        records = iterate_records(shard)
        while batch := list(itertools.islice(records, batch_size)):
            yield decode(batch, str(shard))


def iterate_examples(uri: str | os.PathLike[str], split: str) -> Iterator[PatchExample]:
    """Reads one split as examples, in file order, holding one batch in memory at a time.

    Raises:
        InputError: as `iterate_batches`.
    """
    for arrays in iterate_batches(uri, split):
        yield from arrays.examples()
