#!/bin/sh
# Copy the key file for mongod, which accepts one only from its own user; Docker mounts secrets with
# the owner that they have.
set -eu
for secret in mongo-key mongo-root; do
    install -m 400 -o mongodb -g mongodb "/run/secrets/$secret" "/run/mongo/$secret"
done
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /run/mongo/mongo-key
