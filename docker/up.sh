#!/bin/sh
# Bring all of it up with $1 workers (else 2), and the first time make its secrets and users.
set -eu
cd "$(dirname "$0")"
ALIGNSEARCH_UID=$(id -u)
export ALIGNSEARCH_UID
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
docker compose up --detach --wait --scale "worker=${1:-2}"
echo "https://localhost:8443/ shows it"
