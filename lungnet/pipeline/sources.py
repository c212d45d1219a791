"""Which modules of lungnet an executor's result hangs on, and in which state they are.

Imports are read from the source, nothing is imported: a run in which all is cached loads no TensorFlow.
"""

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "lungnet"

#: Libraries whose version can change what a step makes.
LIBRARIES = ("tensorflow", "keras", "numpy")


def source_digests(module: str) -> dict[str, str]:
    """Digests the import closure of a module, within lungnet and its own top-level package.

    The closure follows every import statement, also those inside functions. A name that is taken from a
    package leads to the module that defines it where the package's `__init__` (or the stub of a lazy one)
    says which that is; packages merely on the way to a module do not count, as nothing is taken from them.

    Args:
        module: dotted name, such as "lungnet.components.gan_trainer.executor".

    Returns:
        Module name -> SHA-256 of its file, sorted by name.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    if _file_of(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name in found or path is None:
            continue
        found[name] = _digest(path)
        waiting += _imports(name, path, frozenset({PACKAGE, module.partition(".")[0]}))
    return dict(sorted(found.items()))


def library_versions() -> dict[str, str]:
    """Versions of `LIBRARIES`, without importing them; "none" for one that is not installed."""

    def version(name: str) -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return "none"

    return {name: version(name) for name in LIBRARIES}


@functools.cache
def _file_of(module: str) -> Path | None:
    """The file of a module, or None where the name is no module that has one."""
    top, *parts = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec is not None and spec.origin and not parts else None
    for location in spec.submodule_search_locations:
        base = Path(location, *parts)
        for path in (base / "__init__.py", base.with_name(base.name + ".py")):
            if path.is_file() and (parts or path.name == "__init__.py"):
                return path
    if len(parts) != 1 or top != PACKAGE:
        return None
    # Without the links an editable installation maps lungnet.components to another folder.
    spec = importlib.util.find_spec(module)
    return Path(spec.origin) if spec is not None and spec.origin else None


@functools.cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def _imports(module: str, path: Path, within: frozenset[str]) -> frozenset[str]:
    """The modules of some top-level packages that a module imports."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for base, name in _statements(path, package):
        if base.partition(".")[0] not in within:
            continue
        found.add(base if name is None else _defined_in(base, name))
    return frozenset(found)


def _statements(path: Path, package: str) -> Iterator[tuple[str, str | None]]:
    """Yields (module, name taken from it or None) of each import statement."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield from ((base, alias.name) for alias in node.names)


def _defined_in(module: str, name: str) -> str:
    """The module that `from module import name` leads to."""
    inner = f"{module}.{name}"
    if _file_of(inner) is not None:
        return inner
    return _exports(module).get(name, module)


@functools.cache
def _exports(module: str) -> dict[str, str]:
    """Names that a package passes on -> the modules that define them."""
    path = _file_of(module)
    if path is None or path.name != "__init__.py":
        return {}
    stub = path.with_suffix(".pyi")
    return {
        name: _defined_in(base, name)
        for base, name in _statements(stub if stub.is_file() else path, module)
        if name is not None and _file_of(base) is not None
    }
