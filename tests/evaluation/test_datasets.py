"""Public data by name."""

import pytest

from lungnet.evaluation.datasets import PUBLIC_DATA, named_in


@pytest.mark.parametrize(
    ("description", "names"),
    [
        ("LIDC-IDRI: 2 CT series of 2 patients.", ["LIDC-IDRI"]),
        ("Candidates of LUNA16 (CC BY 4.0, from LIDC-IDRI).", ["LUNA16", "LIDC-IDRI"]),
        ("Candidates of LUNA16.", ["LUNA16", "LIDC-IDRI"]),
        ("Patches of XLUNA160.", []),
        ("", []),
    ],
)
def test_names_in_a_description(description, names):
    assert [data.name for data in named_in(description)] == names


def test_every_source_is_known():
    assert all(source in PUBLIC_DATA for data in PUBLIC_DATA.values() for source in data.sources)
