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

import contextlib
import gzip
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import tensorflow as tf

from lungnet.errors import InputError
from lungnet.files import atomic_path
from lungnet.hashing import stable_id
from lungnet.patches.columns import ExampleArrays
from lungnet.patches.example import SPLITS, PatchExample
from lungnet.patches.schema import check_version, decode, encode, parse

_SHARD_NAME = re.compile(r"data_tfrecord-(\d{5})-of-(\d{5})\.gz")
_RECORD_HEADER = struct.Struct("<QI")  # length of the record and a checksum of that number
_RECORD_FOOTER_BYTES = 4  # checksum of the record
_LARGEST_RECORD_BYTES = 2**24  # a record has 4 kB; a larger number is not a length

#: zlib's fastest level: CT noise compresses no better at the default, which takes three times as long.
_COMPRESSION_LEVEL = 1


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
    if shards < 1:
        raise ValueError(f"shards must be at least 1. Received: shards={shards}")
    count = 0
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_COMPRESSION_LEVEL)
    with atomic_path(_split_folder(uri, split)) as folder, contextlib.ExitStack() as stack:
        folder.mkdir()
        paths = [folder / f"data_tfrecord-{shard:05d}-of-{shards:05d}.gz" for shard in range(shards)]
        writers = [stack.enter_context(tf.io.TFRecordWriter(str(path), options)) for path in paths]
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
    shards = _shards(uri, split)
    for shard in shards:
        for position, record in enumerate(_records(shard)):
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
    return ExampleArrays.concatenate(
        decode(list(_records(shard)), str(shard)) for shard in _shards(uri, split)
    )


def iterate_examples(uri: str | os.PathLike[str], split: str) -> Iterator[PatchExample]:
    """Reads one split as examples, in file order, holding one shard in memory at a time.

    Raises:
        InputError: as `read_examples`.
    """
    for shard in _shards(uri, split):
        yield from decode(list(_records(shard)), str(shard)).examples()


def _split_folder(uri: str | os.PathLike[str], split: str) -> Path:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}. Received: split={split!r}")
    return Path(uri) / f"Split-{split}"


def _shards(uri: str | os.PathLike[str], split: str) -> list[Path]:
    """The files of a split, in order; refuses a set of which one is missing."""
    folder = _split_folder(uri, split)
    if not folder.is_dir():
        there = sorted(path.name for path in Path(uri).iterdir()) if Path(uri).is_dir() else []
        holds = f"holds {', '.join(there[:8])}" if there else "is empty or not a folder"
        raise InputError(f"{uri} has no {folder.name}; expected the folder of a split. Received: it {holds}")
    matches = {path: _SHARD_NAME.fullmatch(path.name) for path in sorted(folder.iterdir())}
    found = {path: match for path, match in matches.items() if match}
    totals = {int(match[2]) for match in found.values()}
    if not found or len(totals) > 1 or len(found) != totals.pop():
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(f"{folder} lacks shards; expected a whole set of data_tfrecord-*. Received: {names}")
    return list(found)


def _records(shard: Path) -> Iterator[bytes]:
    """The records of one file; GZIP's own checksum, verified at its end, says that none is missing."""
    try:
        if shard.stat().st_size == 0:  # the GZIP file of no records has 20 bytes
            raise EOFError
        with gzip.open(shard) as stream:
            while header := stream.read(_RECORD_HEADER.size):
                length = _RECORD_HEADER.unpack(header)[0]
                if length > _LARGEST_RECORD_BYTES:
                    raise EOFError
                record = stream.read(length)
                footer = stream.read(_RECORD_FOOTER_BYTES)
                if len(record) != length or len(footer) != _RECORD_FOOTER_BYTES:
                    raise EOFError
                yield record
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error) as error:
        raise InputError(f"{shard} is truncated or damaged; expected a whole GZIP TFRecord file.") from error
    except OSError as error:
        raise InputError(f"Cannot read {shard}: {error.strerror or error}.") from error
