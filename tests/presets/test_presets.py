from pathlib import Path

import pytest

from lungnet.config import Config
from lungnet.errors import ConfigError
from lungnet.presets import PRESETS, load_config


def test_the_paper_is_the_default():
    assert load_config("paper") == Config()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str):
    assert isinstance(load_config(preset), Config)


def test_file_over_preset_and_setting_over_file(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text("seed = 3\n[gan]\nlatent_dim = 7\nbatch_size = 9\n")
    config = load_config(
        "paper", file, ["gan.latent_dim=5", "task=malignancy", "split.eval_groups=['6', '7']"]
    )
    assert (config.seed, config.gan.latent_dim, config.gan.batch_size) == (3, 5, 9)
    assert config.task == "malignancy"
    assert config.split.eval_groups == ("6", "7")
    assert config.gan.critic_steps == Config().gan.critic_steps


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("gan.latent_dims=5", r"Unknown configuration key 'gan\.latent_dims'.*did you mean 'latent_dim'"),
        ("gam.latent_dim=5", r"Unknown configuration key 'gam'.*did you mean 'gan'"),
        ("gan.latent_dim=0", r"'gan\.latent_dim': .*greater than or equal to 1.*Received: 0"),
        ("gan.latent_dim=many", r"'gan\.latent_dim'.*Received: 'many'"),
        ("gan=3", r"'gan'.*Received: 3"),
        ("gan.latent_dim", "written key=value"),
        ("window_hu=[400, -1000]", "window_hu must be increasing"),
        ("mining.rounds=2", r"'mining\.rounds'.*less than or equal to 1.*Received: 2"),
        ("mining.max_share=1.5", r"'mining\.max_share'.*less than or equal to 1"),
        ("cae.filters=[1, 2]", "filters and kernels must be equally long"),
        ("calibration={method='none', threshold='prevalence'}", '"platt" or "isotonic". Received: none'),
    ],
)
def test_a_wrong_setting_is_one_sentence(setting: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load_config("paper", settings=[setting])


def test_a_wrong_file_is_one_sentence(tmp_path: Path):
    with pytest.raises(ConfigError, match="Cannot read the configuration"):
        load_config("paper", tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("gan = [")
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        load_config("paper", tmp_path / "bad.toml")


def test_an_unknown_preset_names_the_closest():
    with pytest.raises(ConfigError, match="did you mean 'standard'"):
        load_config("standart")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("task=malignancy", "needs task = 'nodule'. Received: 'malignancy'"),
        ("cae.padding=same", r"needs cae\.padding = 'valid'. Received: 'same'"),
        ("split.by=random", r"needs split\.by = 'patient'. Received: 'random'"),
        ("patches.shuffle_labels=true", r"needs patches\.shuffle_labels = False. Received: True"),
    ],
)
def test_what_hard_negatives_need_is_asked_for_at_once(setting: str, message: str):
    assert isinstance(load_config("paper", settings=[setting]), Config)
    with pytest.raises(ConfigError, match=rf"mining\.rounds = 1 {message}"):
        load_config("paper", settings=["mining.rounds=1", setting])
