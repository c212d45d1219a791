"""TFRecords: what is written is read, by lungnet and without it, and nothing broken passes."""

import dataclasses
import gzip
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lungnet.errors import InputError
from lungnet.hashing import stable_id
from lungnet.patches import (
    ExampleArrays,
    PatchExample,
    iterate_examples,
    load_examples,
    read_examples,
    write_examples,
)


def make_examples(count: int = 23) -> list[PatchExample]:
    rng = np.random.default_rng(7)
    return [
        PatchExample(
            patch_hu=rng.integers(-32768, 32768, (40, 40)).astype(np.int16),
            label=number % 2,
            patient_id=f"P{number // 4}",
            series_uid=f"1.2.{number // 4}" if number % 5 else "",
            group_id=f"G{number // 8}",
            malignancy=3.25,
            nodule_id=number - 1,
            center_zyx=(number, 100 + number, 200 - number),
            spacing_mm=(1.25, 0.625, 0.625),
            offset_yx=(-10, number % 11),
            source="real" if number % 5 else "synthetic",
            diameter_mm=12.5,
            texture=4.5,
            slice_thickness_mm=1.25,
            manufacturer="Größe ≥ 3",
            in_plane_factor=0.5,
        )
        for number in range(count)
    ]


def by_content(arrays: ExampleArrays) -> ExampleArrays:
    return arrays.take(np.argsort(arrays.center_zyx[:, 0], kind="stable"))


def assert_same(left: ExampleArrays, right: ExampleArrays) -> None:
    for field in dataclasses.fields(ExampleArrays):
        np.testing.assert_array_equal(
            getattr(left, field.name), getattr(right, field.name), err_msg=field.name
        )


def files(uri: Path, split: str = "train") -> list[Path]:
    return sorted((uri / f"Split-{split}").iterdir())


def test_round_trip_and_layout(tmp_path: Path) -> None:
    examples = make_examples()
    assert write_examples(tmp_path, iter(examples), "train", shards=3) == 23
    assert [path.name for path in files(tmp_path)] == [
        f"data_tfrecord-0000{shard}-of-00003.gz" for shard in range(3)
    ]
    loaded = load_examples(tmp_path, "train")
    assert loaded.patches_hu.dtype == np.int16
    assert_same(by_content(loaded), ExampleArrays.from_examples(examples))
    iterated = ExampleArrays.from_examples(iterate_examples(tmp_path, "train"))
    assert_same(iterated, loaded)


def test_a_reader_without_lungnet_manages(tmp_path: Path) -> None:
    examples = make_examples(9)
    write_examples(tmp_path, examples, "eval", shards=1)
    read = 0
    raw = tf.data.TFRecordDataset([str(path) for path in files(tmp_path, "eval")], compression_type="GZIP")
    for record, example in zip(raw, examples, strict=True):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        assert set(features) == {field.name for field in dataclasses.fields(PatchExample)} | {
            "schema_version"
        }
        patch = np.frombuffer(features["patch_hu"].bytes_list.value[0], "<i2").reshape(40, 40)
        np.testing.assert_array_equal(patch, example.patch_hu)
        assert features["label"].int64_list.value[:] == [example.label]
        assert features["center_zyx"].int64_list.value[:] == list(example.center_zyx)
        assert features["offset_yx"].int64_list.value[:] == list(example.offset_yx)
        assert features["spacing_mm"].float_list.value[:] == list(example.spacing_mm)
        assert features["manufacturer"].bytes_list.value[:] == [example.manufacturer.encode("utf-8")]
        assert features["schema_version"].int64_list.value[:] == [1]
        read += 1
    assert read == 9


def test_the_dataset_gives_what_load_gives(tmp_path: Path) -> None:
    write_examples(tmp_path, make_examples(), "train", shards=2)
    loaded = load_examples(tmp_path, "train")
    singles = list(read_examples(tmp_path, "train").as_numpy_iterator())
    np.testing.assert_array_equal(np.stack([single["patch_hu"] for single in singles]), loaded.patches_hu)
    batches = list(read_examples(tmp_path, "train", batch_size=10).as_numpy_iterator())
    assert [len(batch["label"]) for batch in batches] == [10, 10, 3]
    np.testing.assert_array_equal(np.concatenate([batch["patch_hu"] for batch in batches]), loaded.patches_hu)
    np.testing.assert_array_equal(np.concatenate([batch["offset_yx"] for batch in batches]), loaded.offset_yx)
    assert [single["source"].decode() for single in singles] == loaded.source.tolist()


def test_a_series_stays_in_its_shard_and_bytes_repeat(tmp_path: Path) -> None:
    examples = make_examples()
    write_examples(tmp_path / "a", examples, "train", shards=4)
    write_examples(tmp_path / "b", examples, "train", shards=4)
    for left, right in zip(files(tmp_path / "a"), files(tmp_path / "b"), strict=True):
        assert left.read_bytes() == right.read_bytes()
    for shard, path in enumerate(files(tmp_path / "a")):
        for record in tf.data.TFRecordDataset([str(path)], compression_type="GZIP"):
            features = tf.train.Example.FromString(record.numpy()).features.feature
            series = features["series_uid"].bytes_list.value[0] or features["group_id"].bytes_list.value[0]
            assert stable_id(series.decode()) % 4 == shard


def test_an_empty_split_is_a_split(tmp_path: Path) -> None:
    assert write_examples(tmp_path, [], "validation") == 0
    assert len(load_examples(tmp_path, "validation")) == 0
    assert list(read_examples(tmp_path, "validation")) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[PatchExample]:
        yield from make_examples(3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_examples(tmp_path, broken(), "train")
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"split must be one of train, validation, eval. Received: split='test'"
    ):
        write_examples(tmp_path, [], "test")
    with pytest.raises(ValueError, match="shards must be at least 1"):
        write_examples(tmp_path, [], "train", shards=0)
    write_examples(tmp_path, [], "train")
    with pytest.raises(InputError, match="exists already"):
        write_examples(tmp_path, [], "train")


def test_wrong_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no Split-train; .* Received: it is empty or not a folder"):
        load_examples(tmp_path / "nothing", "train")
    write_examples(tmp_path, [], "eval")
    with pytest.raises(InputError, match=r"has no Split-train; .* Received: it holds Split-eval"):
        read_examples(tmp_path, "train")


def test_a_missing_shard_is_noticed(tmp_path: Path) -> None:
    write_examples(tmp_path, make_examples(), "train", shards=3)
    files(tmp_path)[1].unlink()
    with pytest.raises(InputError, match="Split-train lacks shards"):
        load_examples(tmp_path, "train")


@pytest.mark.parametrize("keep", [0, 5, 0.5, -9, -1])
def test_a_truncated_shard_is_noticed(tmp_path: Path, keep: float) -> None:
    write_examples(tmp_path, make_examples(), "train", shards=1)
    (shard,) = files(tmp_path)
    whole = shard.read_bytes()
    shard.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    for read in (load_examples, read_examples):
        with pytest.raises(InputError, match=r"data_tfrecord-00000-of-00001.gz is truncated or damaged"):
            read(tmp_path, "train")


def test_a_file_of_something_else_is_noticed(tmp_path: Path) -> None:
    write_examples(tmp_path, make_examples(), "train", shards=1)
    (shard,) = files(tmp_path)
    shard.write_bytes(b"not a gzip file")
    with pytest.raises(InputError, match="truncated or damaged"):
        load_examples(tmp_path, "train")
    shard.write_bytes(gzip.compress(b"text, but compressed, and much longer than a header"))
    with pytest.raises(InputError, match="truncated or damaged"):
        load_examples(tmp_path, "train")


def rewrite(shard: Path, **changes: tf.train.Feature | None) -> None:
    """Writes the shard's first record again with features replaced or (None) dropped."""
    record = next(iter(tf.data.TFRecordDataset([str(shard)], compression_type="GZIP")))
    example = tf.train.Example.FromString(record.numpy())
    for name, feature in changes.items():
        del example.features.feature[name]
        if feature is not None:
            example.features.feature[name].CopyFrom(feature)
    with tf.io.TFRecordWriter(str(shard), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        writer.write(example.SerializeToString())


def integer(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": integer(2)}, "expected schema_version 1. Received: 2"),
        ({"schema_version": None}, "expected schema_version 1. Received: none"),
        ({"nodule_id": None}, "not of lungnet's patch schema 1: .*nodule_id"),
        (
            {"patch_hu": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"\0" * 100]))},
            "patch_hu that is not 3200 bytes long",
        ),
    ],
)
def test_another_schema_is_noticed(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_examples(tmp_path, make_examples(1), "train", shards=1)
    rewrite(files(tmp_path)[0], **changes)
    with pytest.raises(InputError, match=message):
        load_examples(tmp_path, "train")
    if "schema_version" in changes:
        with pytest.raises(InputError, match=message):
            read_examples(tmp_path, "train")


def test_records_of_another_kind_are_noticed(tmp_path: Path) -> None:
    write_examples(tmp_path, [], "train", shards=1)
    (shard,) = files(tmp_path)
    with tf.io.TFRecordWriter(str(shard), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        writer.write(b"\xff\xff not an example")
    with pytest.raises(InputError, match=r"not a tf.train.Example"):
        load_examples(tmp_path, "train")


def test_importing_the_package_does_not_import_tensorflow() -> None:
    heavy = "[m for m in ('tensorflow', 'keras', 'matplotlib', 'sklearn') if m in sys.modules]"
    code = f"import sys, lungnet.patches as p; p.PatchExample; p.ExampleArrays; print({heavy})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
