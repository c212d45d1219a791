"""The model that comes with lungnet, for who names none.

```
model/
    classifier.onnx     patches
    scanner.onnx        the same network for whole slices
    model.json          SHA-256, metadata and measured figures
    model_card.md       what it is for, how good it is, on what it was not tested, how it was made
    model_card.json     the same for programs
```

`python benchmarks/ship_model.py ROOT` writes the folder from a finished run.
"""

from pathlib import Path

from lungnet.serving.versions import MODEL, SCANNER

#: A folder as `lungnet serve --model-dir` takes it.
SHIPPED_MODEL = Path(__file__).parent / "model"
SHIPPED_CLASSIFIER = SHIPPED_MODEL / MODEL
SHIPPED_SCANNER = SHIPPED_MODEL / SCANNER


def model_words(path: Path, metadata: dict[str, str]) -> str:
    """Returns a sentence that names a model and says what it is not for.

    Args:
        path: of its file.
        metadata: properties of the file.

    Example:
        >>> model_words(Path("scanner.onnx"), {"row": "gan_cae_calm", "fingerprint": "c98b3eb0c36a1eb6"})
        'Model: scanner.onnx (gan_cae_calm, c98b3eb0c36a). For research, not for diagnosis.'
    """
    name = f"that of lungnet, {path.name}" if path.parent == SHIPPED_MODEL else path.name
    known = ", ".join(metadata[key][:12] for key in ("row", "fingerprint") if metadata.get(key))
    return f"Model: {name} ({known or 'of unknown make'}). For research, not for diagnosis."
