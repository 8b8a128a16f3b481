#!/bin/sh
# Make the secrets that are still missing in the folder $1, readable by their owner only.
set -eu
umask 077
mkdir -p "$1"
cd "$1"
[ -s mongo-root ] || openssl rand -hex 24 | tr -d '\n' >mongo-root
[ -s mongo-key ] || openssl rand -base64 756 | tr -d '\n' >mongo-key
[ -s ray-token ] || openssl rand -hex 32 | tr -d '\n' >ray-token
at="mongodb://root:$(cat mongo-root)@mongo:27017"
echo "$at/alignsearch?authSource=admin&replicaSet=rs0" >admin
echo "uri: $at/?authSource=admin&replicaSet=rs0" >mongo-dump
