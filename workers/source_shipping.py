"""Sources that the driver ships to hosts which may lack them, by Ray's runtime environment.

Ray puts what `py_modules` names before all other modules of a worker (`set_pythonpath_in_context`
in `_private/runtime_env/working_dir.py`): a user's `queue.py` would hide Python's. So the files go
into a folder whose own name hides nothing, and workers search this folder last
(`alignsearch.workers.sources`).
"""

import shutil
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray._private.runtime_env.py_modules import upload_py_modules_if_needed

from alignsearch.search.attempts.program_files import hash_of
from alignsearch.search.documents import Search, StoredSource
from alignsearch.search.documents.errors import ClusterError
from alignsearch.spaces.source_files import outermost_package, source_hash
from alignsearch.workers.cluster import started_here
from alignsearch.workers.sources import shipped_name


def source_options(search: Search) -> dict[str, Any]:
    """Return the options of Ray's actors by which the search's workers get its source.

    There are none on a cluster of this host alone, which has the source; where the source is
    installed, as every host is to have it; and where it isn't here or has changed: workers then
    look for the submitted version themselves, and refuse their trials if they don't find it.

    Raises:
        ClusterError: the source can't be shipped.
    """
    if started_here():
        return {}
    definition = search.definition
    if definition is not None and definition.objective.folder:
        files, root = definition.objective.files, Path(definition.objective.folder)
        paths = [root / name for name in files]
        if not files or any(not path.is_file() for path in paths):
            return {}
        return {"runtime_env": runtime_environment(hash_of(files), paths, root)}
    sources = [definition.source] if definition is not None else []
    if search.recipe is not None:
        sources.extend(search.recipe.sources)
    # A rule and its network may lie in one file.
    modules = dict.fromkeys(module for source in sources for module in _shipped(source))
    return {"runtime_env": {"py_modules": list(modules)}} if modules else {}


def _shipped(source: StoredSource) -> list[str]:
    """Upload a source to the connected cluster if it is to be shipped; return its addresses."""
    path = None if source.path is None else Path(source.path)
    if path is None or source.sha256 is None or not path.is_file() or _is_installed(path):
        return []
    folder = path.parent
    beside = [folder / each for each in source.beside]
    if any(not each.is_file() for each in beside):
        return []
    if source_hash(path, source.beside) != source.sha256:
        return []
    package = outermost_package(path)
    shipped, root = ([path, *beside], folder) if package is None else ([package], package.parent)
    return list(runtime_environment(source.sha256, shipped, root)["py_modules"])


def runtime_environment(sha256: str, paths: Sequence[Path], root: Path) -> dict[str, Any]:
    """Upload files and folders to the connected cluster, and return the actors' `runtime_env`.

    Ray accepts local paths for a whole job only; one job drives many searches. So the upload that
    `ray.init` would do is done here, which gives an address that actors may have. A folder that
    is uploaded already is not uploaded again.

    Args:
        sha256: hash of the source, which names the shipped folder.
        paths: files and folders to ship, below `root`.
        root: folder that becomes the shipped folder.

    Raises:
        ClusterError: the files can't be read, or are more than Ray ships.
    """
    with tempfile.TemporaryDirectory(prefix="alignsearch-") as made:
        staged = Path(made) / shipped_name(sha256)
        try:
            for path in paths:
                _copy(path, staged / path.relative_to(root))
            return upload_py_modules_if_needed(
                {"py_modules": [str(staged)]}, include_gitignore=False, scratch_dir=made
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"the source of the search can't be shipped to the cluster: {error}; install it on "
                "every host, or keep it in a folder that they share"
            ) from error


def _is_installed(path: Path) -> bool:
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return any(path.is_relative_to(place) for place in places)


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copy2(path, to)
