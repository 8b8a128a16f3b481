#!/bin/sh
# Bring all of it up with $1 workers, and the first time make its secrets and users.
set -eu
cd "$(dirname "$0")"
target=${ALIGNSEARCH_TARGET:-cpu}
files=compose.yaml
workers=${1:-2}
if [ "$target" != cpu ]; then
    files="$files:compose.$target.yaml"
    # One worker has all devices of the host: a second one would take the same.
    workers=1
fi
# Compose reads this here, whoever calls it.
cat >.env <<END
COMPOSE_FILE=$files
ALIGNSEARCH_TARGET=$target
ALIGNSEARCH_UID=$(id -u)
END
mkdir -p backups
./secrets.sh secrets
docker compose build
if ! [ -s secrets/driver ]; then
    # Compose wants each file of a secret to be there before anything starts.
    touch secrets/driver secrets/worker secrets/submitter secrets/dashboard-token
    docker compose run --rm users
fi
if ! [ -s secrets/dashboard-token ]; then
    echo "the dashboard's token, shown this once:"
    docker compose run --rm --no-deps token
fi
docker compose up --detach --wait --scale "worker=$workers"
echo "https://localhost:8443/ shows it"
