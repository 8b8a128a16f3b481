#!/bin/sh
# Write a dump every BACKUP_HOURS and remove dumps older than BACKUP_DAYS. A failed dump leaves no file.
set -eu
while :; do
    name="/backups/alignsearch-$(date -u +%Y%m%dT%H%M%SZ).gz"
    if mongodump --config=/run/secrets/mongo-dump --gzip --archive="$name.part" --quiet; then
        mv "$name.part" "$name"
        find /backups -name 'alignsearch-*.gz' -mtime "+$BACKUP_DAYS" -delete
    else
        rm -f "$name.part"
        echo "the dump $name failed; the next one is tried in $BACKUP_HOURS hours" >&2
    fi
    sleep "$((BACKUP_HOURS * 3600))"
done
