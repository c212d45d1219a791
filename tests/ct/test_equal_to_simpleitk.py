"""On real series, values and geometry are exactly those of SimpleITK."""

import numpy as np
import pytest
import SimpleITK as sitk

from lungnet.ct import find_series, read_series


@pytest.mark.parametrize("patient", ["LIDC-IDRI-0001", "LIDC-IDRI-0003"])
def test_equal_to_simpleitk(lungnet_data, patient):
    (found,) = find_series(lungnet_data / "lidc" / patient)
    volume = read_series(found)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(found.folder), found.series_uid))
    image = reader.Execute()
    assert np.array_equal(volume.hu, sitk.GetArrayFromImage(image))
    assert volume.spacing_mm == image.GetSpacing()[::-1]
    assert volume.origin_xyz_lps_mm == image.GetOrigin()
    assert np.array_equal(volume.direction.ravel(), image.GetDirection())
    assert volume.patient_id == patient
    assert (volume.slice_thickness_mm, volume.manufacturer) == (2.5, "GE MEDICAL SYSTEMS")
    point = image.TransformContinuousIndexToPhysicalPoint((317.25, 200.5, 66.75))
    np.testing.assert_allclose(volume.index_to_world((66.75, 200.5, 317.25)), point, atol=1e-9)
