#!/usr/bin/env bash
# Starts one PostgreSQL server of a regional cluster. On an empty volume it first makes the data directory:
#   BOOTSTRAP=standby  clones the cluster's writer, through a physical slot of its own (pg_basebackup -R -S)
#   BOOTSTRAP=writer   creates the cluster, unless a peer already holds it: then it clones, as a standby does
# Where a data directory stands, it decides alone what the server is: roles move, and no restart moves them back. A former
# writer that finds a peer writing on a newer timeline does not start.
#
# Settings (environment)
#   REGION                 eu-west; its peers know it as qx_eu_west (application_name, slot), and so does qx
#   PGDATA                 data directory; its parent must exist and be writable
#   RUN_DIR                socket, password file; in a container a tmpfs
#   PEERS                  host[:port] of the cluster's other servers; empty for a cluster of one
#   CLIENT_NETWORKS        CIDRs from which applications and qx come
#   REPLICATION_NETWORKS   CIDRs from which peers come
#   REPLICATION_PASSWORD   of the role `replicator`; wanted where there are peers
#   TZ, PGPORT, LISTEN     default UTC, 5432, *
#   BOOTSTRAP_TIMEOUT      seconds that a standby waits for a writer, default 300
# and for BOOTSTRAP=writer
#   DATABASES              suffixes: for `us`, DB_NAME_US, DB_USER_US, DB_PASSWORD_US and init-us.sql make one database
#   CONTROL_PASSWORD       of the role `qx`
#
# Never: two clusters out of one (a peer that answers is asked first), a half-made data directory (it is made aside and
# renamed), a password in an argument, in the data directory or in a log.
set -euo pipefail
umask 077

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
child=''

say() { printf 'node.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Secrets copied unchanged from .env.regional.example are refused.
secret() {
    [[ -n ${!1:-} ]] || die "$1 is not set"
    [[ ${!1} != change-me* ]] || die "$1 still has the value of the example"
    [[ ${!1} != *$'\n'* ]] || die "$1 has a line break"
}

# Runs a program so that a signal to this script ends it at once.
run() {
    "$@" &
    child=$!
    wait "$child"
    child=''
}
stop_child() {
    if [[ -n $child ]] && kill -INT "$child" 2>/dev/null; then
        wait "$child" || true
    fi
}
trap stop_child EXIT
trap 'exit 130' INT TERM

host_of() { if [[ $1 == *:* ]]; then printf %s "${1%:*}"; else printf %s "$1"; fi; }
port_of() { if [[ $1 == *:* ]]; then printf %s "${1##*:}"; else printf 5432; fi; }
conninfo() {
    printf 'host=%s port=%s user=replicator application_name=%s connect_timeout=5' "$(host_of "$1")" "$(port_of "$1")" "${2:-$name}"
}
ask() { psql -XAtq -d "$(conninfo "$1") replication=true" -c "$2"; }

# Sets `writer` to the peer that takes writes, and `standing` to the peers that answer, in whatever role.
survey() {
    writer='' standing=''
    local peer recovering
    for peer in ${PEERS:-}; do
        pg_isready -q -t 2 -h "$(host_of "$peer")" -p "$(port_of "$peer")" || continue
        standing+=" $peer"
        recovering=$(ask "$peer" 'SHOW in_hot_standby') || continue
        if [[ $recovering == off ]]; then
            writer=$peer
            return
        fi
    done
}

write_passwords() {
    secret REPLICATION_PASSWORD
    printf '*:*:*:replicator:%s\n' "$(sed 's/[\\:]/\\&/g' <<<"$REPLICATION_PASSWORD")" >"$RUN_DIR/pgpass"
    export PGPASSFILE=$RUN_DIR/pgpass
}

# The owner of the server comes in through the socket only, the replication role from peers only (`qx`: for pg_rewind).
write_access() {
    local owner network
    owner=$(id -un)
    {
        printf 'local all "%s" peer\n' "$owner"
        printf 'local all all scram-sha-256\n'
        for network in ${REPLICATION_NETWORKS:-}; do
            printf 'host replication,qx replicator %s scram-sha-256\n' "$network"
        done
        printf 'host all "%s",replicator all reject\n' "$owner"
        for network in ${CLIENT_NETWORKS:-}; do
            printf 'host all all %s scram-sha-256\n' "$network"
        done
    } >"$1/pg_hba.conf"
}

write_settings() {
    {
        cat "$here/postgresql.conf"
        printf "\n# %s\n" "$REGION"
        printf "cluster_name = '%s'\n" "$REGION"
        printf "listen_addresses = '%s'\n" "${LISTEN:-*}"
        printf 'port = %s\n' "$PGPORT"
        printf "unix_socket_directories = '%s'\n" "$RUN_DIR"
        printf "timezone = '%s'\nlog_timezone = '%s'\n" "$TZ" "$TZ"
    } >"$1/postgresql.conf"
    write_access "$1"
}

clone() {
    local peer=$1 create=() slot
    slot=$(ask "$peer" "READ_REPLICATION_SLOT $name")
    [[ $slot == physical* ]] || create=(--create-slot)
    say "cloning $peer through slot $name"
    # Under the standby's own name the copy would count as one that acknowledges commits.
    run pg_basebackup -d "$(conninfo "$peer" qx_clone)" --no-password -D "$staging" -R -X stream -S "$name" "${create[@]}" -c fast
    sed -i "s/application_name=qx_clone/application_name=$name/" "$staging/postgresql.auto.conf"
    mv -T "$staging" "$PGDATA"
}

create() {
    local suffix database user password
    [[ -n ${DATABASES:-} ]] || die 'DATABASES is empty'
    secret CONTROL_PASSWORD
    say "creating the cluster with databases for: $DATABASES"
    run initdb -D "$staging" --data-checksums --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=peer --auth-host=scram-sha-256 --no-instructions >&2
    write_settings "$staging"
    export PGHOST=$RUN_DIR PGDATABASE=postgres
    postgres -D "$staging" -c listen_addresses= &  # nobody reaches it before it is complete
    child=$!
    local deadline=$((SECONDS + 60))
    until pg_isready -q; do
        kill -0 "$child" 2>/dev/null || die 'the new server ended before it was ready'
        ((SECONDS < deadline)) || die 'the new server was not ready within 60 s'
        sleep 0.1
    done
    psql -Xq -f "$here/cluster.sql" >&2
    for suffix in $DATABASES; do
        database=DB_NAME_${suffix^^} user=DB_USER_${suffix^^} password=DB_PASSWORD_${suffix^^}
        secret "$password"
        [[ -n ${!database:-} && -n ${!user:-} ]] || die "$database and $user must be set"
        DB_NAME=${!database} DB_USER=${!user} DB_PASSWORD=${!password} psql -Xq -f "$here/database.sql" >&2
        psql -Xq -o /dev/null -v ON_ERROR_STOP=1 -d "${!database}" -f "$here/init-$suffix.sql" >&2
        psql -Xq -v ON_ERROR_STOP=1 -v role="${!user}" <<<'GRANT book_writer TO :"role";'
    done
    kill -INT "$child"
    wait "$child"
    child=''
    mv -T "$staging" "$PGDATA"
    unset PGHOST PGDATABASE
}

# A data directory without standby.signal comes up as a writer. It must not, when another was promoted since it last ran.
refuse_second_writer() {
    local mine theirs
    survey
    [[ -n $writer ]] || return 0
    mine=$(LC_ALL=C pg_controldata -D "$PGDATA" | sed -n "s/^Latest checkpoint's TimeLineID: *//p")
    theirs=$(ask "$writer" IDENTIFY_SYSTEM | cut -d '|' -f 2)
    ((theirs <= mine)) || die "$writer writes on timeline $theirs, this server stopped as a writer on $mine: rejoin it first"
}

bootstrap() {
    [[ ! -e $PGDATA ]] || die "$PGDATA exists, but is no data directory: remove it or mend it"
    rm -rf "$staging"
    survey
    case ${BOOTSTRAP:?is not set: writer or standby} in
        writer)
            if [[ -z $writer && -n $standing ]]; then
                die "no data here, and of$standing none says that it writes: promote one (or mend the password), then start again"
            elif [[ -z $writer ]]; then
                create
                return
            fi
            ;;
        standby)
            local deadline=$((SECONDS + ${BOOTSTRAP_TIMEOUT:-300}))
            until [[ -n $writer ]]; do
                ((SECONDS < deadline)) || die "no writer among ${PEERS:-no peers} within ${BOOTSTRAP_TIMEOUT:-300} s"
                sleep 1
                survey
            done
            ;;
        *) die "BOOTSTRAP is '$BOOTSTRAP': writer or standby" ;;
    esac
    clone "$writer"
}

: "${REGION:?is not set}" "${PGDATA:?is not set}" "${RUN_DIR:?is not set}"
export PGPORT=${PGPORT:-5432} TZ=${TZ:-UTC}
staging=$PGDATA.new
name=qx_${REGION//-/_}

if [[ -n ${PEERS:-} ]]; then
    write_passwords
else
    unset REPLICATION_PASSWORD
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    bootstrap
elif [[ ! -e $PGDATA/standby.signal ]]; then
    refuse_second_writer
fi
write_settings "$PGDATA"
unset CONTROL_PASSWORD REPLICATION_PASSWORD "${!DB_PASSWORD_@}"
exec postgres -D "$PGDATA"
