"""Public data by name: licence, and whom it asks to be named."""

import re
from typing import NamedTuple


class PublicData(NamedTuple):
    """Data that anybody can have.

    Attributes:
        name: as the description of a run writes it.
        license: SPDX identifier.
        link: where it is described.
        citations: attribution that the licence asks for.
        sources: names of the data that it was made from, whose licences hold too.
    """

    name: str
    license: str
    link: str
    citations: tuple[str, ...]
    sources: tuple[str, ...] = ()


LIDC_IDRI = PublicData(
    "LIDC-IDRI",
    "CC-BY-3.0",
    "https://doi.org/10.7937/K9/TCIA.2015.LO9QL9SX",
    (
        "Armato SG 3rd, McLennan G, Bidaut L, et al. Data from LIDC-IDRI. The Cancer Imaging Archive, 2015. "
        "doi:10.7937/K9/TCIA.2015.LO9QL9SX",
        "Armato SG 3rd, McLennan G, Bidaut L, et al. The Lung Image Database Consortium (LIDC) and Image "
        "Database Resource Initiative (IDRI): a completed reference database of lung nodules on CT scans. "
        "Medical Physics 38:915-931, 2011. doi:10.1118/1.3528204",
    ),
)
LUNA16 = PublicData(
    "LUNA16",
    "CC-BY-4.0",
    "https://luna16.grand-challenge.org",
    (
        "Setio AAA, Traverso A, de Bel T, et al. Validation, comparison, and combination of algorithms for "
        "automatic detection of pulmonary nodules in computed tomography images: the LUNA16 challenge. "
        "Medical Image Analysis 42:1-13, 2017. doi:10.1016/j.media.2017.06.015",
    ),
    ("LIDC-IDRI",),
)
PUBLIC_DATA = {data.name: data for data in (LUNA16, LIDC_IDRI)}


def named_in(description: str) -> tuple[PublicData, ...]:
    """Returns the public data that a description names, and those that they were made from.

    Args:
        description: of the data of a run.

    Returns:
        In the order of `PUBLIC_DATA`; none where it names none.

    Example:
        >>> [data.name for data in named_in("Candidates of LUNA16.")]
        ['LUNA16', 'LIDC-IDRI']
    """
    named = {name for name in PUBLIC_DATA if re.search(rf"\b{name}\b", description)}
    named |= {source for name in named for source in PUBLIC_DATA[name].sources}
    return tuple(data for name, data in PUBLIC_DATA.items() if name in named)
