#!/bin/sh
# Start every service with $1 workers; make secrets and users the first time.
set -eu
cd "$(dirname "$0")"
target=${ALIGNSEARCH_TARGET:-cpu}
files=compose.yaml
workers=${1:-2}
site=${ALIGNSEARCH_SITE:-localhost}
# Address and port of this machine at which the dashboard is reached.
address=${ALIGNSEARCH_ADDRESS:-127.0.0.1:8443}
if [ "$target" != cpu ]; then
    files="$files:compose.$target.yaml"
    # One worker gets all devices of the host; a second worker would get the same ones.
    workers=1
fi
# Compose reads .env from this folder, also when another program calls it.
cat >.env <<END
COMPOSE_FILE=$files
ALIGNSEARCH_TARGET=$target
ALIGNSEARCH_UID=$(id -u)
ALIGNSEARCH_SITE=$site
ALIGNSEARCH_ADDRESS=$address
ALIGNSEARCH_DATA=${ALIGNSEARCH_DATA:-data}
ALIGNSEARCH_CHECKPOINTS=${ALIGNSEARCH_CHECKPOINTS:-checkpoints}
END
mkdir -p backups
./secrets.sh secrets
docker compose build
if ! [ -s secrets/driver ]; then
    # Compose starts nothing before the file of every secret exists.
    touch secrets/driver secrets/worker secrets/submitter secrets/dashboard-token
    docker compose run --rm users
fi
if ! [ -s secrets/dashboard-token ]; then
    echo "the dashboard's token, shown this once:"
    docker compose run --rm --no-deps token
fi
docker compose up --detach --wait --scale "worker=$workers"
echo "https://$site:${address##*:}/ shows it"
