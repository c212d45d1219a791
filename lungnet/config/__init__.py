"""The configuration: every number that can change a result, with the paper's values as defaults.

Models are frozen and refuse unknown keys. `lungnet.presets.load_config` fills them from a preset, a
TOML file and `key=value` settings. Section numbers refer to the paper.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
