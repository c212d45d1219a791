"""Metadata, dependencies and extras. Tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent


def version() -> str:
    """Reads the version without importing the package."""
    for line in (HERE / "lungnet" / "__init__.py").read_text("utf-8").splitlines():
        if line.startswith("__version__"):
            return line.split('"')[1]
    raise RuntimeError("lungnet/__init__.py states no __version__")


def packages_below(folder: str, name: str) -> dict[str, str]:
    """Maps package names to the folders below `folder` that hold an `__init__.py`.

    Links are left out, so that the outer folders are found once, and builds survive a checkout
    whose links became plain files.
    """
    found = {}
    for init in sorted((HERE / folder).rglob("__init__.py")):
        parts = init.parent.relative_to(HERE / folder).parts
        if not any((HERE / folder).joinpath(*parts[: i + 1]).is_symlink() for i in range(len(parts))):
            found[".".join((name, *parts))] = "/".join((folder, *parts))
    return found


PACKAGES = {
    **packages_below("lungnet", "lungnet"),
    **packages_below("components", "lungnet.components"),
    **packages_below("serving", "lungnet.serving"),
}

EXTRAS = {
    "train": [
        "filelock>=3.16",
        "markdown-it-py>=3.0",
        "SQLAlchemy>=2.0.40",
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorboard>=2.20",
        "pylidc==0.2.3",
        "scikit-learn>=1.7",
        "onnx>=1.18",
        "tf2onnx>=1.17",
        "matplotlib>=3.9",
    ],
    "beam": ["apache-beam>=2.77"],
    # onnxruntime and onnxruntime-gpu share a folder: install one of the two, never both.
    "cpu": ["onnxruntime>=1.20"],
    "gpu": ["onnxruntime-gpu>=1.20"],
    # A lineage store for a team.
    "postgresql": ["psycopg[binary]>=3.2"],
    # The pipeline on a cluster.
    "kubeflow": ["kfp>=2.17,<3", "kfp-kubernetes>=2.17,<3"],
    # Structured reports and segmentations of what was found.
    "dicom": ["highdicom>=0.28"],
    # Models over HTTP.
    "server": [
        "aiohttp>=3.12",
        "fastapi>=0.115",
        "httptools>=0.6",
        "prometheus-client>=0.21",
        "uvicorn>=0.34",
        "uvloop>=0.21; sys_platform != 'win32'",
        "yarl>=1.18",
    ],
    "test": [
        "build>=1.2",
        "import-linter>=2.3",
        "mypy>=1.15",
        "nbclient>=0.10",
        "ipykernel>=6.29",
        "nbformat>=5.10",
        "psycopg[binary]>=3.2",
        "pytest>=8.3",
        "ruff>=0.11",
        "schemathesis>=4.32",
        "setuptools>=77",
        "SimpleITK>=2.4",
        "tritonclient[http]>=2.55",
    ],
}

setup(
    name="lungnet",
    version=version(),
    description="Lung CT to an ONNX nodule classifier: WGAN-GP, layer-wise autoencoder and CALM",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.14",
    install_requires=[
        "click>=8.1",
        "lazy_loader>=0.4",
        "numpy>=2.0",
        "pydantic>=2.9",
        "pydicom>=3.0",
        "rich>=13.9",
        "scipy>=1.14",
    ],
    extras_require=EXTRAS,
    packages=sorted(PACKAGES),
    package_dir=PACKAGES,
    package_data={"": ["*.pyi", "py.typed", "*.toml"], "lungnet.serving": ["model/*"]},
    entry_points={"console_scripts": ["lungnet = lungnet.cli.main:main"]},
)
