"""CT volumes in Hounsfield units: DICOM series, MetaImage (LUNA16), candidates, axial windows, lungs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
