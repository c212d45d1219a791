"""The series of an evaluation, numbered: scans without findings count as much as the others."""

from collections.abc import Sequence

import numpy as np

from lungnet.ct import Candidate
from lungnet.ct.identity import held_series_uid, is_hashed
from lungnet.errors import InputError
from lungnet.evaluation.checks import Codes


class Scans:
    """Series by number.

    A series may be named by its UID in one list and by the hash that stands for it in lungnet
    (`lungnet.ct.same_series`) in another.

    Args:
        series_uids: each once.

    Raises:
        InputError: there is none, or one stands twice.
    """

    def __init__(self, series_uids: Sequence[str]) -> None:
        if not series_uids:
            raise InputError("No series is listed; expected at least one to evaluate.")
        self._numbers = {uid: number for number, uid in enumerate(series_uids)}
        if len(self._numbers) < len(series_uids):
            twice = next(uid for k, uid in enumerate(series_uids) if self._numbers[uid] != k)
            raise InputError(f"Series {twice} is listed twice; expected each series once.")
        self._hashed = any(is_hashed(uid) for uid in series_uids)

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, ones: Sequence[Candidate]) -> Codes:
        """Returns int64 `(n,)`, the number of the series of each; -1 for one that is not listed."""
        uids = [one.series_uid for one in ones]
        numbers = {uid: self._numbers.get(uid, -1) for uid in set(uids)}
        unknown = [uid for uid, number in numbers.items() if number < 0]
        if any(self._hashed or is_hashed(uid) for uid in unknown):
            held = {held_series_uid(uid): number for uid, number in self._numbers.items()}
            numbers.update((uid, held.get(held_series_uid(uid), -1)) for uid in unknown)
        return np.array([numbers[uid] for uid in uids], np.int64)
