#!/bin/sh
# mongod takes a key file only from its own user, and Docker mounts secrets as they are.
set -eu
for secret in mongo-key mongo-root; do
    install -m 400 -o mongodb -g mongodb "/run/secrets/$secret" "/run/mongo/$secret"
done
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /run/mongo/mongo-key
