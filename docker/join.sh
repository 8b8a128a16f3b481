#!/bin/sh
# A process that drives needs a node of the Ray cluster beside it: one that offers nothing.
set -eu
ray start --address="$ALIGNSEARCH_RAY" --num-cpus=0 --num-gpus=0 --disable-usage-stats \
    --object-store-memory=83886080 >&2
exec alignsearch "$@"
