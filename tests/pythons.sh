#!/usr/bin/env bash
# Install a copy of the committed sources on each Python that the machine has, with what runs alone;
# import it from a folder of a user's own, and run a small search there. Names the missing Pythons.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
for version in ${PYTHONS:-3.11 3.12 3.13}; do
  # pyenv keeps each version in a folder of its own, also when none of its shims is active.
  python=
  for each in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    if "$each" -c '' 2>/dev/null; then python=$each; fi
  done
  if [ -z "$python" ]; then
    echo "python$version: not on this machine"
    continue
  fi
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  git clone --quiet "$source" "$place/clone"
  make --silent -C "$place/clone" setup PYTHON="$python"
  mkdir "$place/user"
  # The names of our own folders: a user's files must neither hide ours nor be hidden.
  for name in search spaces workers dashboards experiments public; do
    echo "raise ImportError('a file of the user')" >"$place/user/$name.py"
  done
  (
    cd "$place/user"
    bin=$place/clone/.venv/bin
    "$bin/python" -c 'import alignsearch, alignsearch.cli.app, alignment_core; print(alignsearch.__version__)'
    trap '"$bin/alignsearch" store stop' EXIT
    "$bin/alignsearch" submit wm --dataset rehearsal --trials 4 --epochs 2 --parallel 2 --wait | tail -n 2
  )
  echo "python$version: installed, imported, searched"
  rm -rf "$place"
done
