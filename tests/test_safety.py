"""No source imports or calls anything that could run stored or received data as code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (
    *("alignment_core", "dashboards", "experiments", "public", "search", "spaces", "workers"),
    "locks",
)
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
RESTRICTED = {
    # CIFAR's published files are pickles; their reader makes two stand-ins and nothing else.
    "alignment_core/data/cifar_files.py": ["import pickle"],
    # A user's own definition, which is imported; never anything from a store.
    "spaces/source_files.py": ["compile()"],
    # An objective that the driving process ships to its own workers' child processes.
    "workers/trial_process.py": ["import cloudpickle"],
}
"""Files that may do one thing that is forbidden elsewhere, each with its reason."""
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}
FORBIDDEN_OPTIONS = {("allow_pickle", True), ("shell", True), ("verify", False)}


def wrongs(tree):
    """Yield the imports and calls of a module that can run data as code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        else:
            names = set()
        yield from (f"import {name}" for name in names & FORBIDDEN_IMPORTS)
        if isinstance(node, ast.Call):
            # Methods of these names, like re.compile, take no code; os's do.
            called = ast.unparse(node.func).removeprefix("os.")
            if called in FORBIDDEN_CALLS:
                yield f"{called}()"
            given = {
                (option.arg, option.value.value)
                for option in node.keywords
                if isinstance(option.value, ast.Constant)
            }
            yield from (f"{name}={value}" for name, value in given & FORBIDDEN_OPTIONS)


def test_nothing_that_is_read_can_run_as_code():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    found = {
        str(path.relative_to(ROOT)): sorted(wrongs(ast.parse(path.read_text()))) for path in files
    }
    assert {path: what for path, what in found.items() if what} == RESTRICTED


def test_what_would_run_code_is_found():
    source = "import pickle, numpy as np\nnp.load(f, allow_pickle=True)\neval(text)\nos.system(x)"
    assert sorted(wrongs(ast.parse(source))) == [
        *("allow_pickle=True", "eval()", "import pickle", "system()"),
    ]
