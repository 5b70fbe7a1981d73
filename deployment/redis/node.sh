#!/usr/bin/env bash
# Starts one Valkey or Redis server of a regional stack. The file that the server runs with stands on the data volume
# (node.conf, writable: CONFIG REWRITE works) and is made anew at each start from the region's file, the secrets and the role.
# The role is what the volume remembers: a `replicaof` that qx or CONFIG REWRITE put into node.conf, or its absence.
# Only on an empty volume UPSTREAM decides; and a writer's empty volume asks the peers first.
#
# Settings (environment)
#   REGION                 eu-west
#   CONFIG                 redis-eu.conf
#   DATA_DIR               the volume, default /data
#   REDIS_PASSWORD         of the default user
#   ADDRESS                how peers reach this server: host:port; empty for a cluster of one
#   PEERS                  host:port of the cluster's other servers
#   UPSTREAM               the peer to follow when the volume is empty; empty for the writer
#   REPLICATION_PASSWORD   of the user `replicator`, wanted where there are peers
#   LISTEN, PORT           default: all addresses, 6379
#   SERVER, CLI            default valkey-server, valkey-cli
#
# Secrets: the users' passwords stand in node.conf as SHA-256 digests. `masterauth` cannot be a digest: it makes node.conf
# (mode 0600, on the volume) a file to protect. No argument and no log carries a password.
# Never: an empty writer in front of replicas that hold data (they would copy its emptiness).
set -euo pipefail
umask 077

say() { printf 'node.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Secrets copied unchanged from .env.regional.example are refused.
secret() {
    [[ -n ${!1:-} ]] || die "$1 is not set"
    [[ ${!1} != change-me* ]] || die "$1 still has the value of the example"
    [[ ${!1} != *$'\n'* ]] || die "$1 has a line break"
}

digest() { printf %s "$1" | sha256sum | cut -c1-64; }
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }

# Asks a peer as `replicator`; nothing on standard output when it does not answer.
ask() {
    local peer=$1
    shift
    VALKEYCLI_AUTH=$REPLICATION_PASSWORD REDISCLI_AUTH=$REPLICATION_PASSWORD timeout 5 \
        "${CLI:-valkey-cli}" --no-auth-warning --user replicator -h "${peer%:*}" -p "${peer##*:}" "$@" 2>/dev/null || true
}

# An empty volume: whom to follow, as `host port`; nothing: be the writer.
first_upstream() {
    if [[ -n ${UPSTREAM:-} ]]; then
        printf %s "${UPSTREAM/:/ }"
        return
    fi
    local peer role keys
    for peer in ${PEERS:-}; do
        role=$(ask "$peer" ROLE | head -n 1)
        if [[ $role == master ]]; then
            say "$peer writes: following it"
            printf %s "${peer/:/ }"
            return
        fi
        keys=$(ask "$peer" DBSIZE)
        if [[ $role == slave && $keys != 0 ]]; then
            die "no data here, and $peer holds ${keys:-an unknown number of} keys as a replica: promote it, then start again"
        fi
    done
}

: "${REGION:?is not set}" "${CONFIG:?is not set}"
data=${DATA_DIR:-/data}
conf=$data/node.conf
secret REDIS_PASSWORD
if [[ -n ${PEERS:-} ]]; then
    : "${ADDRESS:?is not set}"
    secret REPLICATION_PASSWORD
fi

if [[ -e $conf ]]; then
    upstream=$(sed -n 's/^replicaof[[:space:]]\{1,\}//p' "$conf" | tail -n 1)
else
    upstream=$(first_upstream)
fi

{
    cat "$CONFIG"
    printf '\n# %s\n' "$REGION"
    printf 'dir %s\n' "$(quoted "$data")"
    printf 'port %s\n' "${PORT:-6379}"
    printf 'bind %s\n' "${LISTEN:-* -::*}"
    printf 'user default on #%s ~* &* +@all\n' "$(digest "$REDIS_PASSWORD")"
    if [[ -n ${PEERS:-} ]]; then
        printf 'user replicator on #%s resetchannels -@all +psync +replconf +ping +role +dbsize\n' "$(digest "$REPLICATION_PASSWORD")"
        printf 'masteruser replicator\nmasterauth %s\n' "$(quoted "$REPLICATION_PASSWORD")"
        printf 'replica-announce-ip %s\nreplica-announce-port %s\n' "${ADDRESS%:*}" "${ADDRESS##*:}"
    fi
    if [[ -n $upstream ]]; then
        printf 'replicaof %s\n' "$upstream"
    fi
} >"$conf.new"
mv "$conf.new" "$conf"

unset REDIS_PASSWORD REPLICATION_PASSWORD VALKEYCLI_AUTH REDISCLI_AUTH
exec "${SERVER:-valkey-server}" "$conf"
