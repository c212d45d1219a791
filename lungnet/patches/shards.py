"""The files of a split: GZIP TFRecords that are whole, or a sentence that says which is not."""

import contextlib
import gzip
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from lungnet.errors import InputError
from lungnet.files import atomic_path
from lungnet.patches.example import SPLITS

_SHARD_NAME = re.compile(r"data_tfrecord-(\d{5})-of-(\d{5})\.gz")
_RECORD_HEADER = struct.Struct("<QI")  # length of the record and a checksum of that number
_RECORD_FOOTER_BYTES = 4  # checksum of the record
_LARGEST_RECORD_BYTES = 2**24  # a record has 4 kB; a larger number is not a length

#: zlib's fastest level: CT noise compresses no better at the default, which takes three times as long.
_COMPRESSION_LEVEL = 1


@contextlib.contextmanager
def shard_writers(
    uri: str | os.PathLike[str], split: str, shards: int
) -> "Iterator[list[tf.io.TFRecordWriter]]":
    """Opens the files of a new split for writing; they appear when the block ends well.

    Raises:
        InputError: the split is there already, or the folder cannot be written.
        ValueError: unknown split, or fewer than one shard.
    """
    if shards < 1:
        raise ValueError(f"shards must be at least 1. Received: shards={shards}")
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_COMPRESSION_LEVEL)
    with atomic_path(split_folder(uri, split)) as folder, contextlib.ExitStack() as stack:
        folder.mkdir()
        paths = [folder / f"data_tfrecord-{shard:05d}-of-{shards:05d}.gz" for shard in range(shards)]
        yield [stack.enter_context(tf.io.TFRecordWriter(str(path), options)) for path in paths]


def split_folder(uri: str | os.PathLike[str], split: str) -> Path:
    """The folder of a split. Raises ValueError for an unknown one."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}. Received: split={split!r}")
    return Path(uri) / f"Split-{split}"


def shard_files(uri: str | os.PathLike[str], split: str) -> list[Path]:
    """The files of a split, in order; refuses a set of which one is missing."""
    folder = split_folder(uri, split)
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


def iterate_records(shard: Path) -> Iterator[bytes]:
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
