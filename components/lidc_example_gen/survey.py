"""First pass over an archive: which CT series lie in which folder, folder by folder."""

import functools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungnet.ct import SeriesFiles, read_series
from lungnet.ct.series import folders_below, join_series, survey_folder, warn_of_broken
from lungnet.pipeline import Engine, Task, TaskResults


def series_to_json(series: SeriesFiles) -> dict[str, Any]:
    """Returns JSON from which `series_from_json` makes the same series; files are named from its folder."""
    prefix = f"{series.folder}{os.sep}"
    return {
        **vars(series),
        "folder": str(series.folder),
        "files": [str(path).removeprefix(prefix) for path in series.files],
        "broken": [str(path).removeprefix(prefix) for path in series.broken],
    }


def series_from_json(values: Mapping[str, Any]) -> SeriesFiles:
    """Reads what `series_to_json` returned."""
    folder = Path(values["folder"])
    files, broken = (tuple(folder / name for name in values[key]) for key in ("files", "broken"))
    return SeriesFiles(**{**values, "folder": folder, "files": files, "broken": broken})


def survey(folder: str) -> bytes:
    """Lists the series of one folder without those in the folders below it: the task of the first pass.

    Args:
        folder: its path.

    Returns:
        JSON: `series` as `series_to_json` gives them, and `broken`, the number of files that are not what
        their names say.

    Raises:
        CTReadError: the folder cannot be searched.
    """
    found = survey_folder(Path(folder))
    series = [series_to_json(one) for one in found.series]
    return json.dumps({"series": series, "broken": len(found.broken)}).encode()


@dataclass(frozen=True)
class Place:
    """Where the files of a series are listed: less than the list itself.

    Attributes:
        series_uid, patient_id: of the series.
        key: names the series in the results of later passes.
        folders: keys of the survey's results that list files of it.
    """

    series_uid: str
    patient_id: str
    key: str
    folders: tuple[str, ...]


class Archive:
    """The series below a folder; the lists of their files stay on disk.

    Args:
        results: of the task `survey`, one for each folder.
        folders: all folders, in the order of `lungnet.ct.series.folders_below`.
    """

    def __init__(self, results: TaskResults, folders: list[str]) -> None:
        self._survey = results
        self._listed = functools.lru_cache(maxsize=4)(self._read)
        heads: list[SeriesFiles] = []
        listing: dict[str, list[str]] = {}
        broken = 0
        for folder in folders:
            read = json.loads(results.read(folder))
            broken += read["broken"]
            for values in read["series"]:
                # The head of a series has one file, which stands for all of them.
                one = series_from_json({**values, "files": values["files"][:1], "broken": ()})
                heads.append(one)
                listing.setdefault(_key(one), []).append(folder)
        warn_of_broken(broken)
        #: In the order of `lungnet.ct.find_series`.
        self.places = [
            Place(one.series_uid, one.patient_id, _key(one), tuple(listing[_key(one)]))
            for one in join_series(heads)
        ]

    def __len__(self) -> int:
        return len(self.places)

    def files(self, place: Place) -> SeriesFiles:
        """Returns the files of a series, as `lungnet.ct.find_series` does."""
        parts = (one for folder in place.folders for one in self._listed(folder).get(place.key, ()))
        return join_series(parts)[0]

    def _read(self, folder: str) -> dict[str, list[SeriesFiles]]:
        parts: dict[str, list[SeriesFiles]] = {}
        for values in json.loads(self._survey.read(folder))["series"]:
            one = series_from_json(values)
            parts.setdefault(_key(one), []).append(one)
        return parts


def find_archive(
    root: str | Path,
    results: TaskResults,
    engine: Engine,
) -> Archive:
    """Finds the series below a folder.

    Args:
        root: the folder.
        results: where the lists of files go.
        engine: runs the pass.

    Raises:
        CTReadError: there is no CT series, or a folder cannot be searched.
    """
    folders = [str(folder) for folder in folders_below(root)]

    def tasks() -> Iterator[Task]:
        for folder in folders:
            yield Task(folder, f"folder {folder}", {"folder": folder})

    engine.run(f"{__name__}:survey", tasks(), results, total=len(folders), text="folders")
    archive = Archive(results, folders)
    if not archive:
        read_series(root)  # raises, and names the file that is not what it is called
    return archive


def _key(series: SeriesFiles) -> str:
    """A MetaImage is a series of its own, whatever other file has its name."""
    return series.series_uid if series.kind == "dicom" else f"{series.series_uid} {series.files[0]}"
