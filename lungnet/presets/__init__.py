"""Presets, configuration files and single settings become one `Config`.

Precedence: the defaults of `lungnet.config` (the paper's) < preset < TOML file < `key=value` settings.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lungnet.config import Config
from lungnet.errors import ConfigError

PRESETS = ("paper", "standard", "demo")


def load_config(
    preset: str = "standard",
    file: str | os.PathLike[str] | None = None,
    settings: Iterable[str] = (),
) -> Config:
    """Reads the configuration of a run.

    Args:
        preset: one of `PRESETS`.
        file: TOML file whose tables are the sections of `Config`.
        settings: texts such as `"gan.latent_dim=64"`; the value is TOML, or else taken as a string.

    Raises:
        ConfigError: an unknown preset, file, key (the closest one is named) or a value out of range.

    Example:
        >>> load_config("paper", settings=["cae.epochs=3"]).cae.epochs
        3
    """
    if preset not in PRESETS:
        raise ConfigError(f"Unknown preset {preset!r}; expected {_choices(preset, PRESETS)}.")
    values = tomllib.loads(files(__package__).joinpath(f"{preset}.toml").read_text("utf-8"))
    if file is not None:
        values = _merge(values, _read_toml(Path(file)))
    return config_from(merge_settings(values, settings))


def merge_settings(values: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Returns nested `values` with each `key=value` of `settings` put over them.

    Raises:
        ConfigError: a setting is not written `key=value`.
    """
    merged = dict(values)
    for setting in settings:
        merged = _merge(merged, _parse_setting(setting))
    return merged


def config_from(values: Mapping[str, Any]) -> Config:
    """Checks nested `values` and returns the `Config` they describe.

    Raises:
        ConfigError: as `load_config`.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"Cannot read the configuration {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error


def _parse_setting(setting: str) -> dict[str, Any]:
    key, equals, text = setting.partition("=")
    if not equals or not all(key.strip().split(".")):
        raise ConfigError(f"A setting is written key=value, such as gan.latent_dim=64. Received: {setting!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for name in reversed(key.strip().split(".")):
        value = {name: value}
    return value


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = (
            _merge(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def _explain(error: ValidationError) -> str:
    """The first thing wrong, as one sentence with the key's full name."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        section: Any = Config
        for part in first["loc"][:-1]:
            section = section.model_fields[part].annotation
        name = str(first["loc"][-1])
        return f"Unknown configuration key {key!r}; expected {_choices(name, section.model_fields)}."
    received = first["input"]
    if isinstance(received, BaseModel | Mapping):
        return f"Configuration {key or 'value'}: {first['msg']}."
    return f"Configuration key {key!r}: {first['msg']}. Received: {received!r}"


def _choices(name: str, names: Iterable[str]) -> str:
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = "one of " + ", ".join(names)
    return f"{listed} (did you mean {close[0]!r}?)" if close else listed
