"""False positives of an untrained scanner in phantom CTs, some of which train."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungnet.components import Augmenter, HardNegativeMiner, LidcExampleGen
from lungnet.components.hard_negative_miner import executor as executor_module
from lungnet.components.hard_negative_miner import mine as mine_module
from lungnet.components.hard_negative_miner.mine import MinedSeries, false_positives
from lungnet.components.hard_negative_miner.outcome import hardest_first, training_series
from lungnet.config import PatchRules
from lungnet.ct import Volume, find_series, read_series
from lungnet.errors import InputError
from lungnet.files import write_json
from lungnet.hashing import file_sha256
from lungnet.lidc import Annotation, Scan, annotations_of_series
from lungnet.models import build_generator
from lungnet.patches import SPLITS, ExampleArrays, PatchExample, find_anomalies, load_examples, summarize
from lungnet.patches.negatives import outline_boxes, touches
from lungnet.pipeline import Artifact, Channel, Classifier, Generator, launch
from lungnet.presets import load_config
from lungnet.serving import Detection
from tests.export.conftest import write_calm

MOST = 6
CONFIG = load_config(
    "paper",
    settings=[
        "selection.outlier_iqr=0",
        "split.validation_fraction=0.3",
        "scan={second_look='off', min_distance_mm=20}",
        # An untrained network says much the same of everything: it takes nothing for something.
        f"mining={{rounds=1, threshold=0.0, max_per_series={MOST}}}",
    ],
)
Given = dict[str, Artifact]


@pytest.fixture(scope="module")
def given(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Given:
    """What comes before the component: patches, cohort and a classifier of the real kind."""
    folder = tmp_path_factory.mktemp("first_round")
    made = launch(LidcExampleGen(input_base=str(phantoms)), {}, CONFIG, folder)
    made = {name: type(artifact)(artifact.uri, artifact.properties) for name, artifact in made.items()}
    return {**made, "classifier": Classifier(write_calm(folder / "calm"), {"row": "gan_cae_calm"})}


@pytest.fixture
def mined(do: Callable[..., Given], given: Given, phantoms: Path) -> Given:
    return do(HardNegativeMiner, given, CONFIG, input_base=str(phantoms))


def read(artifact: Artifact, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((artifact.uri / name).read_text("utf-8"))
    return found


def annotated(phantoms: Path) -> dict[str, tuple[Volume, Scan, list[Annotation]]]:
    found = {}
    for series in find_series(phantoms):
        if series.patient_id != "PHANTOM-0005":  # who lacks a slice
            known = annotations_of_series(series)
            assert known is not None
            found[series.series_uid] = (read_series(series), *known)
    return found


def test_training_gets_negatives_of_training_cts_that_no_reader_marked(
    mined: Given, given: Given, phantoms: Path
):
    before, after = (
        {split: load_examples(artifact.uri, split) for split in SPLITS}
        for artifact in (given["examples"], mined["examples"])
    )
    train, known = after["train"], {key(row) for row in before["train"].examples()}
    hard = [example for example in train.examples() if key(example) not in known]
    record, cohort = read(mined["cohort"], "mining.json"), read(given["cohort"], "cohort.json")
    assert len(hard) == record["in_training"] == mined["examples"].properties["hard_negatives"] > 0
    assert {example.label for example in hard} == {0}
    assert {example.patient_id for example in hard} <= set(cohort["split"]["train"])
    cts = annotated(phantoms)
    for example in hard:
        volume, _, annotations = cts[example.series_uid]
        z, row, column = example.center_zyx
        assert not touches(np.array([[z, row, column]]), outline_boxes(volume, annotations)).any()
        inside = volume.hu[z, max(row - 20, 0) : row + 20, max(column - 20, 0) : column + 20]
        assert np.isin(inside, example.patch_hu).all()
    # Half of the negatives at most; as many as there were: 1.5 for each positive.
    negatives = int((train.labels == 0).sum())
    assert len(hard) <= negatives / 2
    assert negatives == round(1.5 * train.labels.sum())
    np.testing.assert_array_equal(
        train.patches_hu[train.labels == 1], before["train"].patches_hu[before["train"].labels == 1]
    )
    assert find_anomalies(after.items(), summarize(after, "patient")) == []


def key(example: PatchExample) -> tuple:
    return example.series_uid, example.nodule_id, example.center_zyx, example.offset_yx


def test_what_measures_stays_as_it_is(mined: Given, given: Given):
    for split in ("validation", "eval"):
        files = sorted((given["examples"].uri / f"Split-{split}").iterdir())
        copies = sorted((mined["examples"].uri / f"Split-{split}").iterdir())
        assert [file_sha256(path) for path in files] == [file_sha256(path) for path in copies]
        assert len(files) == 4
    record = read(mined["cohort"], "mining.json")
    for split in ("validation", "eval"):
        measured = load_examples(given["examples"].uri, split)
        assert not set(record["series"]) & set(measured.series_uid.tolist())


def test_the_record_adds_up(mined: Given, given: Given):
    record = read(mined["cohort"], "mining.json")
    assert record["threshold"] == 0.0
    assert record["left_out"] == {}
    trained_on = set(load_examples(given["examples"].uri, "train").series_uid.tolist())
    assert set(record["series"]) == trained_on
    for counts in record["series"].values():
        assert 0 <= counts["in_training"] <= counts["mined"] <= MOST
        assert counts["mined"] == min(MOST, counts["detections"] - counts["touching_a_mark"])
        assert counts["touching_a_mark"] > 0  # nodules lie in lungs, where all is detected
    for name in ("detections", "touching_a_mark", "mined", "in_training"):
        assert record[name] == sum(counts[name] for counts in record["series"].values())
    cohort = read(mined["cohort"], "cohort.json")
    sentence = cohort.pop("hard_negatives")
    assert cohort == read(given["cohort"], "cohort.json")
    assert sentence.startswith(f"{record['in_training']} of the {record['negatives']} training negatives are")
    said = mined["examples"].properties["data_description"]
    assert f"{record['in_training']} are false positives of a first round's scanner" in said


def test_it_is_the_same_again_and_by_other_processes(
    do: Callable[..., Given], mined: Given, given: Given, phantoms: Path, tmp_path: Path
):
    component = HardNegativeMiner(input_base=str(phantoms), **channels(given))
    inputs = {name: [artifact] for name, artifact in given.items()}
    again = launch(component, inputs, CONFIG, tmp_path / "root", runtime={"workers": 2})
    for name in ("examples", "cohort"):
        files = sorted(path.relative_to(mined[name].uri) for path in mined[name].uri.rglob("*.*"))
        assert len(files) == {"examples": 12, "cohort": 2}[name]
        for file in files:
            assert file_sha256(mined[name].uri / file) == file_sha256(again[name].uri / file)


def channels(given: Given) -> dict[str, Any]:
    return {name: Channel("Before", name, type(artifact)) for name, artifact in given.items()}


def test_an_interrupted_attempt_goes_on(
    given: Given, phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Ended at the second series: the scanner is not exported again, the first series not scanned again."""
    component = HardNegativeMiner(input_base=str(phantoms), **channels(given))
    inputs = {name: [artifact] for name, artifact in given.items()}
    scanned: list[str] = []
    exported: list[Path] = []
    read_volume, export = mine_module.read_series, executor_module.export_scanner

    def counting(files, end_at: int = 99):
        if len(scanned) == end_at:
            raise KeyboardInterrupt
        scanned.append(files.series_uid)
        return read_volume(files)

    def exporting(classifier, path, **more):
        exported.append(path)
        return export(classifier, path, **more)

    monkeypatch.setattr(executor_module, "export_scanner", exporting)
    monkeypatch.setattr(mine_module, "read_series", lambda files: counting(files, end_at=1))
    with pytest.raises(KeyboardInterrupt):
        launch(component, inputs, CONFIG, tmp_path, runtime={"workers": 1})
    assert len(scanned) == 1
    monkeypatch.setattr(mine_module, "read_series", counting)
    made = launch(component, inputs, CONFIG, tmp_path, runtime={"workers": 1})
    assert sorted(scanned) == sorted(read(made["cohort"], "mining.json")["series"])
    assert len(scanned) == len(set(scanned)) > 1
    assert len(exported) == 1


def test_an_augmenter_keeps_every_hard_negative(do: Callable[..., Given], mined: Given, tmp_path: Path):
    folder = tmp_path / "generator"
    folder.mkdir()
    build_generator(latent_dim=4, width=2, seed=0).save(folder / "generator.keras")
    write_json(folder / "generator.json", {"window_hu": [-1000, 400], "latent_dim": 4})
    inputs = {"examples": mined["examples"], "generator": Generator(folder)}
    augmented = load_examples(do(Augmenter, inputs, CONFIG)["examples"].uri, "train")
    assert augmented.labels.mean() == pytest.approx(0.5, abs=0.02)
    real = load_examples(mined["examples"].uri, "train")
    kept = {key(example) for example in augmented.examples() if example.source == "real"}
    assert kept == {key(example) for example in real.examples()}


def test_the_threshold_is_the_models_own_unless_one_is_set(
    do: Callable[..., Given], given: Given, phantoms: Path
):
    own = CONFIG.model_copy(update={"mining": CONFIG.mining.model_copy(update={"threshold": None})})
    made = do(HardNegativeMiner, given, own, input_base=str(phantoms))
    assert read(made["cohort"], "mining.json")["threshold"] == 0.4375
    none = CONFIG.model_copy(update={"mining": CONFIG.mining.model_copy(update={"threshold": 1.0})})
    made = do(HardNegativeMiner, given, none, input_base=str(phantoms))
    assert read(made["cohort"], "mining.json")["mined"] == 0
    before, after = (load_examples(one["examples"].uri, "train") for one in (given, made))
    assert after.labels.sum() == before.labels.sum()
    assert len(after) == round(2.5 * before.labels.sum())


def test_whoever_marked_it_a_detection_on_it_is_not_false(phantoms: Path):
    volume, scan, annotations = next(iter(annotated(phantoms).values()))
    assert annotations
    boxes = outline_boxes(volume, annotations)
    for one in annotations:  # each as if it was the only reader's
        own = outline_boxes(volume, [one])
        z, top, bottom, left, right = own[len(own) // 2].tolist()
        hit = detection(volume, (z, (top + bottom) / 2, (left + right) / 2), 0.9)
        corner = detection(volume, (0, 10, 10), 0.8)
        far = detection(volume, (len(volume.hu) - 1, 10, volume.hu.shape[2] - 12), 0.7)
        assert not touches(np.array([[0, 10, 10]]), boxes).any()
        mined = false_positives(volume, scan, [one], [hit, corner, far], 10, PatchRules(), seed=0)
        assert (mined.detections, mined.touching) == (3, 1)
        assert mined.probabilities.tolist() == [0.8, 0.7]
        assert mined.examples.center_zyx[:, 0].tolist() == [0, len(volume.hu) - 1]
    single = false_positives(volume, scan, annotations, [corner, far], 1, PatchRules(), seed=0)
    assert (single.probabilities.tolist(), len(single.examples), single.touching) == ([0.8], 1, 0)


def detection(volume: Volume, center_zyx: tuple[float, float, float], probability: float) -> Detection:
    x, y, z = volume.index_to_world(center_zyx)
    slice_mm = volume.spacing_mm[0]
    return Detection(
        (float(x), float(y), float(z)), 5.0, probability, volume.series_uid, center_zyx, (slice_mm, 9.0, 9.0)
    )


def cohort(**split: list[str]) -> dict[str, Any]:
    scans = [{"patient_id": f"P{number}", "series_uid": f"s{number}"} for number in range(1, 6)]
    return {"scans": scans, "unreadable": {"s2": "broken"}, "split": split}


def test_series_of_training_alone():
    split = {"train": ["P1", "P2", "P3"], "validation": ["P4"], "eval": ["P5"]}
    assert training_series(cohort(**split)) == {"s1", "s3"}  # s2 cannot be read
    split = {"train": ["P1", "P3"], "validation": ["P1"], "eval": ["P5"]}
    assert training_series(cohort(**split)) == {"s3"}


def test_a_patient_who_also_validates_is_not_mined():
    with pytest.raises(InputError, match=r"No CT is of a patient who trains .* mining\.rounds = 0"):
        training_series(cohort(train=["P1"], validation=["P1"], eval=["P5"]))


def test_every_series_gives_its_hardest_before_any_gives_its_second():
    def series(uid: str, *probabilities: float) -> MinedSeries:
        patch = np.zeros((40, 40), np.int16)
        rows = [PatchExample(patch + row, 0, "P", uid, "P") for row in range(len(probabilities))]
        return MinedSeries(ExampleArrays.from_examples(rows), np.array(probabilities), len(rows), 0)

    mined = {
        "b": series("b", 0.9, 0.8, 0.7),
        "a": series("a", 0.6),
        "c": series("c"),
        "d": series("d", 0.9, 0.85),
    }
    ranked = hardest_first(mined)
    places = list(zip(ranked.series_uid.tolist(), ranked.patches_hu[:, 0, 0].tolist(), strict=True))
    assert places == [("b", 0), ("d", 0), ("a", 0), ("d", 1), ("b", 1), ("b", 2)]
    assert len(hardest_first({})) == 0


def test_a_ct_that_is_no_chest_is_left_out_and_said(
    do: Callable[..., Given], given: Given, phantoms: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where a chest is asked to have more lung than any has, none can be scanned."""
    monkeypatch.setattr("lungnet.serving.scan_grid.LEAST_LUNG_MM2", 1e9)
    mined = do(HardNegativeMiner, given, CONFIG, input_base=str(phantoms))
    record = read(mined["cohort"], "mining.json")
    assert record["series"] == {}
    assert len(record["left_out"]) >= 2
    assert all("No lungs were found" in reason for reason in record["left_out"].values())
    assert str(phantoms) not in json.dumps(record)


def test_networks_that_cannot_scan_are_refused(
    do: Callable[..., Given], given: Given, classifier_of: Callable[..., Classifier], phantoms: Path
):
    with pytest.raises(InputError, match="cannot scan slices"):
        do(HardNegativeMiner, {**given, "classifier": classifier_of()}, CONFIG, input_base=str(phantoms))


def test_training_series_that_are_not_there_are_missed(
    do: Callable[..., Given], given: Given, phantoms: Path
):
    trained = set(load_examples(given["examples"].uri, "train").patient_id.tolist())
    there = min(trained)
    with pytest.raises(InputError, match=rf"{len(trained) - 1} of {len(trained)} training series do not lie"):
        do(HardNegativeMiner, given, CONFIG, input_base=str(phantoms / there))
