"""`kubeflow_local.py FILE ROOT [NAME=VALUE ...]`, for the Python that has kfp, runs a compiled pipeline here.

The steps are run by the `python` that is first on the PATH.
"""

import sys

from kfp import components, local

file, root, *parameters = sys.argv[1:]
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, enable_caching=True)
components.load_component_from_file(file)(**dict(parameter.split("=", 1) for parameter in parameters))
