"""One phantom patient: its chest, its nodules, and what its readers wrote."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lungnet.hashing import stable_id
from lungnet.phantom.dicom import SeriesHeader, phantom_uid
from lungnet.phantom.lesions import Shape, draw_lesion, shape_of, slice_of
from lungnet.phantom.placement import Place, place_shapes, stack_shapes
from lungnet.phantom.reader_xml import Outline, Reading
from lungnet.phantom.slab import Slab
from lungnet.phantom.sources import Source
from lungnet.phantom.thorax import draw_thorax
from lungnet.phantom.tissue import add_noise, render_chest
from lungnet.phantom.vessels import grow_vessels

#: Goes into every UID: raise it when a change here alters the pixels.
EDITION = 1
SIZE = 512
READERS = 4
#: Levels of the chest that slabs are centred on, 0 the apex of the lungs and 1 the diaphragm.
LEVELS = (0.32, 0.76)
#: Standard deviation of the noise in the middle of a slice.
NOISE_HU = (15.0, 25.0)
CREDIT = (
    "Synthetic pixels. Nodule shapes from LIDC-IDRI, The Cancer Imaging Archive, "
    "doi:10.7937/K9/TCIA.2015.LO9QL9SX, CC BY 3.0"
)


@dataclass(frozen=True, eq=False)
class Patient:
    """A phantom patient, ready to be written.

    Attributes:
        hu: int16 `(slices, rows, columns)`, lowest slice first.
        header: of the series.
        sessions: what each of the four readers marked.
    """

    hu: npt.NDArray[np.int16]
    header: SeriesHeader
    sessions: tuple[tuple[Reading, ...], ...]


def patient_id(number: int) -> str:
    """Returns the Patient ID of the phantom patient of this number, from 1."""
    return f"PHANTOM-{number:04d}"


def series_uids(seed: int, number: int) -> tuple[str, str]:
    """Returns the Study and the Series Instance UID of a phantom patient."""
    name = patient_id(number)
    return phantom_uid(EDITION, seed, name, "study"), phantom_uid(EDITION, seed, name, "series")


def make_patient(source: Source, seed: int, number: int) -> Patient:
    """Makes a phantom patient.

    Args:
        source: the nodules, and the pixel and slice spacing that they were drawn in.
        seed: of the phantoms.
        number: of the patient, from 1.

    Returns:
        The same for the same arguments.
    """
    scan = source.scan
    name = patient_id(number)

    def generator(part: str) -> np.random.Generator:
        return np.random.default_rng([seed, stable_id("phantom", name, part)])

    shapes = [shape_of(nodule) for nodule in source.nodules]
    layout = generator("layout")
    slices, starts = stack_shapes(shapes, layout)
    thorax = draw_thorax(generator("chest"), SIZE * scan.pixel_spacing_mm)
    half_mm = (slices - 1) / 2 * scan.slice_spacing_mm
    middle_mm = layout.uniform(*LEVELS) * thorax.height_mm
    slab = Slab(
        slices=slices,
        size=SIZE,
        spacing_mm=scan.slice_spacing_mm,
        pixel_mm=scan.pixel_spacing_mm,
        thickness_mm=scan.slice_thickness_mm,
        bottom_mm=middle_mm + half_mm,
    )
    vessels, airways = grow_vessels(thorax, generator("vessels"), (middle_mm - half_mm, middle_mm + half_mm))
    chest = render_chest(thorax, slab, vessels, airways, generator("tissue"))
    places = place_shapes(shapes, starts, chest.lung, chest.vessels, layout)
    density = generator("lesions")
    placed = [(shape, place) for shape, place in zip(shapes, places, strict=True) if place is not None]
    for shape, place in placed:
        draw_lesion(chest.hu, shape, place.first_slice, place.corner_yx, density)
    noise = generator("noise")
    hu = add_noise(chest.hu, noise, noise.uniform(*NOISE_HU))
    study_uid, series_uid = series_uids(seed, number)
    header = SeriesHeader(
        patient_id=name,
        study_uid=study_uid,
        series_uid=series_uid,
        pixel_mm=scan.pixel_spacing_mm,
        spacing_mm=round(scan.slice_spacing_mm, 3),
        thickness_mm=scan.slice_thickness_mm,
        bottom_z_mm=-round(slab.bottom_mm, 1),
        comment=f"{CREDIT}. Nodules of {scan.patient_id}.",
    )
    return Patient(hu, header, _sessions(placed, header))


def _sessions(placed: list[tuple[Shape, Place]], header: SeriesHeader) -> tuple[tuple[Reading, ...], ...]:
    """Deals the annotations of each nodule out to the readers, who are not known by name."""
    sessions: list[list[Reading]] = [[] for _ in range(READERS)]
    for shape, place in placed:
        nodule = shape.nodule
        down, right = np.subtract(place.corner_yx, shape.corner_yx)
        up = place.first_slice - shape.first_slice
        for which, annotation in enumerate(nodule.annotations):
            session = sessions[(which + nodule.nodule_id) % READERS]
            outlines = []
            for contour in annotation.contours:
                k = slice_of(contour, nodule) + up
                moved = contour.points_xy + np.array([right, down], contour.points_xy.dtype)
                outlines.append(Outline(header.z_text(k), header.sop_uid(k), contour.inclusion, moved))
            name = f"Nodule {len(session) + 1:03d}"
            session.append(Reading(name, annotation.ratings, tuple(outlines)))
    return tuple(tuple(session) for session in sessions)
