#!/bin/sh
# Join the Ray cluster with a node that offers no resources, then run `alignsearch`: a driver needs a
# node on its own host.
set -eu
ray start --address="$ALIGNSEARCH_RAY" --num-cpus=0 --num-gpus=0 --disable-usage-stats \
    --object-store-memory=83886080 >&2
exec alignsearch "$@"
