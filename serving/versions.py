"""A folder of model versions, as the Pusher fills it and a server reads it.

```
<folder>/
    1795562018/             a whole number; the largest is the newest
        model.json          what the model is
        model_card.*        what it is for, and how good it is; where there is one
        scanner.onnx        of the same network, for whole slices; where there is one
        classifier.onnx     moved in last: a version without it is none
```
"""

from pathlib import Path

MODEL, SCANNER, FACTS = "classifier.onnx", "scanner.onnx", "model.json"


def version_numbers(folder: Path) -> list[int]:
    """Returns the numbers of all subfolders that are named by one, the smallest first, whole or not."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())


def whole_versions(folder: Path) -> list[int]:
    """Returns the versions that can be served, the oldest first."""
    return [number for number in version_numbers(folder) if (folder / str(number) / MODEL).is_file()]
