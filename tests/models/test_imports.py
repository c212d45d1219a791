"""Importing the room is light, and a name brings no more than what stands behind it."""

import json
import subprocess
import sys

import numpy as np

import lungnet.models
from lungnet.config import CaeConfig
from lungnet.models import ConvolutionalAutoencoder, build_generator, fine_tune

FOREIGN_TO = {
    "gan_trainer": ["calm", "autoencoder", "cnn", "feature_heads", "decision_tree"],
    "cae_trainer": ["calm", "gan", "feature_heads", "dense_autoencoder"],
    "calm_trainer": ["gan", "autoencoder", "cnn", "feature_heads"],
    "augmenter": ["calm", "autoencoder", "cnn"],
    "evaluator": ["clustering_callback", "gan", "autoencoder", "cnn", "feature_heads"],
}

IMPORT_ONE_BY_ONE = """
import importlib, json, sys
for executor, foreign in json.loads(sys.argv[1]).items():
    for name in [name for name in sys.modules if name.partition(".")[0] == "lungnet"]:
        del sys.modules[name]
    importlib.import_module(f"lungnet.components.{executor}.executor")
    assert "lungnet.models" in sys.modules
    found = {f"lungnet.models.{name}" for name in foreign} & set(sys.modules)
    assert not found, f"{executor} imports {found}"
"""


def run(code: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_heavy():
    run(
        "import sys, lungnet.models; assert 'train_gan' in dir(lungnet.models);"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy'} & set(sys.modules); assert not heavy, heavy"
    )


def test_every_name_of_the_stub_is_there():
    assert len(dir(lungnet.models)) >= 45
    for name in dir(lungnet.models):
        assert getattr(lungnet.models, name) is not None


def test_an_executor_imports_its_own_models_alone():
    run(IMPORT_ONE_BY_ONE, json.dumps(FOREIGN_TO))


def test_encoder_and_generator_need_no_class_of_ours(tmp_path):
    """So that whoever loads them, in a process of its own, need not import what made them."""
    config = CaeConfig(filters=(2,), kernels=(5,), batch_size=2, fine_tune_epochs=0)
    encoder = ConvolutionalAutoencoder(config, seed=0).encoder
    patches_hu = np.zeros((2, 40, 40), np.int16)
    tuned = fine_tune(encoder, patches_hu, [0, 1], None, None, config, (-1000.0, 400.0), 0).model
    tuned.save(tmp_path / "encoder.keras")
    build_generator(4, 2, seed=0).save(tmp_path / "generator.keras")
    run(
        "import sys, keras; [keras.saving.load_model(path, compile=False) for path in sys.argv[1:]];"
        "assert 'lungnet' not in sys.modules",
        tmp_path / "encoder.keras",
        tmp_path / "generator.keras",
    )
