"""Install lock files into this interpreter's environment with uv, and compile what they bring.

    .venv/bin/python locks/install.py LOCK [LOCK ...]

Every package is checked against the hashes in its lock file. uv does not read pip's settings
(package index, certificate, local wheels), so they are passed to it as environment variables.
Where uv cannot be had or fails, pip installs the same files, which takes about ten times as long.
"""

import ast
import compileall
import os
import re
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path

INSTALLER = Path(__file__).with_name("installer.lock")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
UV = Path(sys.executable).with_name("uv")
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
"""uv's environment variable for each of pip's settings."""
LOWEST_FIRST = ("global", "site", "install", ":env:")
"""The sections of pip's settings, in the order in which one overrides another."""
NEVER_IMPORTED = re.compile(r"/tests?/|/ray/rllib/")
"""Sources not worth compiling: a quarter of all, and no command imports them."""


def environment() -> dict[str, str]:
    """Return this process's environment, with pip's settings where uv looks for its own."""
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=True)
    settings = [
        (section, name, str(ast.literal_eval(value)))
        for section, name, value in re.findall(r"(?m)^(\S+?)\.([\w-]+)=(.*)$", listed.stdout)
        if section in LOWEST_FIRST and name in VARIABLES
    ]
    settings.sort(key=lambda each: LOWEST_FIRST.index(each[0]))
    found = {VARIABLES[name]: " ".join(value.split()) for _, name, value in settings}
    # pip takes the best version of all indexes; the hashes say which files will do.
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **found, **os.environ}


def install(locks: list[str]) -> None:
    """Install lock files; raise CalledProcessError when neither uv nor pip can."""
    options = ["--require-hashes", *(word for lock in locks for word in ("--requirement", lock))]
    try:
        if not UV.exists():
            alone = ("--require-hashes", "--no-deps", "--requirement", str(INSTALLER))
            subprocess.run([*PIP, "install", *alone], check=True)
        ours = ("--quiet", "--python", sys.executable)
        subprocess.run([UV, "pip", "install", *ours, *options], env=environment(), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"uv could not install ({error}); pip does", file=sys.stderr)
        subprocess.run([*PIP, "install", *options], check=True)
    # Old packages have escape sequences that a new Python warns of as it compiles them.
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    # Without this, every process compiles its imports anew where Python may not write bytecode.
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, workers=0, rx=NEVER_IMPORTED)


if __name__ == "__main__":
    install(sys.argv[1:])
