#!/usr/bin/env bash
# Installs the servers of the stacks: redis-server, rabbitmq-server, PostgreSQL, Prosody, and
# toxiproxy-server; fuse3, with which other users than root inject faults on disks; and nftables, with
# which packets are dropped. With --all also the other systems that have an adapter, and, for the tests,
# Prometheus and the Toxiproxy clients of other languages. For Debian and Ubuntu.
# Gauntlet starts private instances of them, so the services of the packages are neither started nor
# enabled. Servers that are installed already are not changed.
set -euo pipefail

# What --all installs; each has a function install_NAME below.
readonly FOREIGN=(mosquitto nats ejabberd centrifugo socketio synapse prometheus toxiproxy_clients)

readonly TOXIPROXY_VERSION=2.12.0
readonly NATS_VERSION=2.12.15
readonly CENTRIFUGO_VERSION=6.9.1
readonly REDIS_MINIMUM=6.2
readonly NODE_MINIMUM=18
readonly MAVEN_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
readonly POLICY=/usr/sbin/policy-rc.d

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

# Servers are installed in sbin, which is not on every user's PATH.
PATH="$PATH:/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive
SCRATCH=

say() { printf '%s\n' "install-services: $*"; }
die() {
    printf '%s\n' "install-services: $*" >&2
    exit 1
}

# at_least HAVE WANT: dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

has_redis() {
    local server version
    for server in redis-server valkey-server; do
        version=$("$server" --version 2>/dev/null | sed -n 's/.* v=\([0-9.]*\).*/\1/p')
        if [ -n "$version" ] && at_least "$version" "$REDIS_MINIMUM"; then return 0; fi
    done
    return 1
}

has_rabbitmq() { command -v rabbitmq-server >/dev/null; }

# Debian keeps initdb off PATH, in a folder per major version.
has_postgres() {
    local initdb
    for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$initdb" ] && "$initdb" --version >/dev/null 2>&1 &&
            "$(dirname "$initdb")/postgres" --version >/dev/null 2>&1; then
            return 0
        fi
    done
    return 1
}

has_prosody() { command -v prosody >/dev/null; }

has_fuse() { command -v fusermount3 >/dev/null; }

has_nftables() { command -v nft >/dev/null; }

has_toxiproxy() { command -v toxiproxy-server >/dev/null; }

# Lists only children of init: the servers of a test run have another parent.
readonly DAEMONS='^(epmd|beam.smp|redis-server|postgres|prosody|lua5[.0-9]*|mosquitto|prometheus)$'
daemons() {
    ps -e -o ppid=,pid=,comm= | awk -v names="$DAEMONS" '$1 == 1 && $3 ~ names { print $2, $3 }' | sort
}

clean_up() {
    if [ -e "$SCRATCH/policy-replaced" ]; then
        rm -f "$POLICY"
        [ ! -e "$SCRATCH/policy-rc.d" ] || mv "$SCRATCH/policy-rc.d" "$POLICY"
    fi
    rm -rf "$SCRATCH"
}

# Debian's package scripts start their service unless policy-rc.d exits with 101, "not allowed".
forbid_starts() {
    [ ! -e "$SCRATCH/policy-replaced" ] || return 0
    [ ! -e "$POLICY" ] || cp -pP "$POLICY" "$SCRATCH/policy-rc.d"
    touch "$SCRATCH/policy-replaced"
    rm -f "$POLICY"
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
}

# apt_install_stopped PACKAGE...
apt_install_stopped() {
    command -v apt-get >/dev/null || die "apt-get not found; install these packages by hand: $*"
    [ "$(id -u)" = 0 ] || die "installing $* needs root: run it again with sudo"
    local before started
    before=$(daemons)
    forbid_starts

    say "apt-get install $*"
    [ -e "$SCRATCH/apt-updated" ] || apt-get update -qq
    touch "$SCRATCH/apt-updated"
    apt-get install -y -qq --no-install-recommends "$@" >"$SCRATCH/apt.log" 2>&1 ||
        die "apt-get failed: $(tail -n 20 "$SCRATCH/apt.log")"

    started=$(comm -13 <(printf '%s\n' "$before") <(daemons))
    [ -z "$started" ] || die "a package script started: $started"
}

# Otherwise the services would start at the next boot and use their default ports.
disable_at_boot() {
    [ -d /run/systemd/system ] || return 0
    local unit
    for unit in "$@"; do
        systemctl disable --quiet "$unit" || say "could not disable $unit at boot"
    done
}

install_packages() {
    local packages=() units=()
    if has_redis; then say "redis-server: present"; else
        packages+=(redis-server) units+=(redis-server.service)
    fi
    if has_rabbitmq; then say "rabbitmq-server: present"; else
        packages+=(rabbitmq-server) units+=(rabbitmq-server.service epmd.socket)
    fi
    if has_postgres; then say "postgresql: present"; else
        packages+=(postgresql) units+=(postgresql.service)
    fi
    if has_prosody; then say "prosody: present"; else
        packages+=(prosody) units+=(prosody.service)
    fi
    if has_fuse; then say "fuse3: present"; else packages+=(fuse3); fi
    if has_nftables; then say "nftables: present"; else packages+=(nftables); fi
    if [ "${#packages[@]}" -gt 0 ]; then
        apt_install_stopped "${packages[@]}"
        disable_at_boot ${units[@]+"${units[@]}"}
    fi
    has_redis || say "REDIS-SERVER IS OLDER THAN $REDIS_MINIMUM; THE redis-binary EXTRA HAS A NEWER ONE."
    has_rabbitmq || die "rabbitmq-server is still missing"
    has_postgres || die "initdb and postgres are still missing"
    has_prosody || die "prosody is still missing"
}

# go_install PROGRAM GO_MINIMUM PACKAGE@VERSION LDFLAGS: returns 1, with a notice, if Go is too old.
go_install() {
    local program=$1 minimum=$2 package=$3 ldflags=$4 go_version
    local built=${package%@*}
    go_version=$(go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
    if [ -z "$go_version" ] || ! at_least "$go_version" "$minimum"; then
        say "${program^^} NOT INSTALLED: IT NEEDS GO >= $minimum, FOUND ${go_version:-NONE}."
        say "INSTALL A NEWER GO (apt-get install golang-go WHERE THAT IS NEW ENOUGH) AND RUN THIS AGAIN."
        return 1
    fi
    [ -w /usr/local/bin ] || die "installing $program needs root: run it again with sudo"
    say "go install $package"
    GOBIN="$SCRATCH/go" GOTOOLCHAIN=local CGO_ENABLED=0 \
        go install -ldflags "-s -w $ldflags" "$package" || die "go install $package failed"
    # The program is named like the last folder of its package, unless that is a version such as v2.
    if [[ ${built##*/} =~ ^v[0-9]+$ ]]; then built=${built%/*}; fi
    install -m 755 "$SCRATCH/go/${built##*/}" "/usr/local/bin/$program"
}

# Debian has no package of Toxiproxy. It is optional: the embedded proxy has the same API.
install_toxiproxy() {
    if has_toxiproxy; then
        say "toxiproxy-server: present"
        return
    fi
    # Releases set the version with a linker flag; without it, the program reports "git".
    go_install toxiproxy-server 1.23 \
        "github.com/Shopify/toxiproxy/v2/cmd/server@v$TOXIPROXY_VERSION" \
        "-X github.com/Shopify/toxiproxy/v2.Version=$TOXIPROXY_VERSION" ||
        say "UNTIL THEN THE EMBEDDED PROXY IS USED."
}

# --- the systems of --all -----------------------------------------------------------------------

has() { command -v "$1" >/dev/null; }

install_mosquitto() {
    if has mosquitto; then
        say "mosquitto: present"
        return
    fi
    apt_install_stopped mosquitto
    disable_at_boot mosquitto.service
    has mosquitto || die "mosquitto is still missing"
}

# Debian has an older nats-server.
install_nats() {
    if has nats-server; then
        say "nats-server: present"
        return
    fi
    go_install nats-server 1.25 "github.com/nats-io/nats-server/v2@v$NATS_VERSION" "" ||
        say "UNTIL THEN --stack nats CANNOT RUN."
}

# Erlang starts it without ejabberdctl, which is the package's way.
install_ejabberd() {
    if has ejabberdctl; then
        say "ejabberd: present"
        return
    fi
    apt_install_stopped ejabberd
    disable_at_boot ejabberd.service epmd.socket
    has ejabberdctl || die "ejabberd is still missing"
}

# It has many dependencies: the build needs about six minutes of one core.
install_centrifugo() {
    if has centrifugo; then
        say "centrifugo: present"
        return
    fi
    local module=github.com/centrifugal/centrifugo/v6
    go_install centrifugo 1.25 "$module@v$CENTRIFUGO_VERSION" \
        "-X $module/internal/build.Version=$CENTRIFUGO_VERSION" ||
        say "UNTIL THEN --stack centrifugo CANNOT RUN."
}

# The packages of the lock file, below /usr/local: the stack's server is a file of Gauntlet.
install_socketio() {
    local folder=/usr/local/lib/gauntlet/socketio
    if [ -e "${GAUNTLET_SOCKETIO:-$folder/node_modules}/socket.io" ]; then
        say "socket.io: present"
        return
    fi
    if ! has npm; then
        say "SOCKET.IO NOT INSTALLED: IT NEEDS NODE.JS >= $NODE_MINIMUM AND npm."
        say "INSTALL THEM (apt-get install nodejs npm) AND RUN THIS AGAIN."
        say "UNTIL THEN --stack socketio CANNOT RUN."
        return
    fi
    say "npm ci socket.io"
    mkdir -p "$folder"
    cp "$HERE/../gauntlet/stacks/socketio_server/"package*.json "$folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent || die "npm ci failed"
}

# Synapse has an environment of its own, because its dependencies are not Gauntlet's.
install_synapse() {
    local folder=/usr/local/lib/gauntlet/synapse
    if has synapse_homeserver; then
        say "synapse: present"
        return
    fi
    say "pip install matrix-synapse"
    "${PYTHON:-python3}" -m venv "$folder" ||
        die "python3 -m venv failed (Debian: apt-get install python3-venv)"
    "$folder/bin/pip" install --quiet --require-hashes -r "$HERE/../requirements/synapse.txt" ||
        die "pip install matrix-synapse failed"
    ln -sf "$folder/bin/synapse_homeserver" /usr/local/bin/synapse_homeserver
}

# No run needs it: tests scrape the metrics of a run with it. In a subshell, a failure is no end.
install_prometheus() {
    if has prometheus; then
        say "prometheus: present"
        return
    fi
    if ! (apt_install_stopped prometheus); then
        say "PROMETHEUS NOT INSTALLED. ITS TESTS ARE SKIPPED."
        return
    fi
    disable_at_boot prometheus.service
}

# Tests control the fault proxy with each client. Where one cannot be installed, its tests are skipped;
# toxiproxy-python is a dependency of Gauntlet.
install_toxiproxy_clients() {
    local folder=${GAUNTLET_TOXIPROXY_CLIENTS:-/usr/local/lib/gauntlet/toxiproxy-clients} language
    for language in node go java; do
        if [ -e "$folder/$language" ]; then
            say "toxiproxy client of $language: present"
        elif ! "has_${language}_tools"; then
            say "TOXIPROXY CLIENT OF ${language^^} NOT INSTALLED: ITS TOOLS ARE MISSING."
        else
            say "install the toxiproxy client of $language"
            mkdir -p "$SCRATCH/$language" "$folder"
            cp "$HERE/../tests/contract/toxiproxy/clients/$language/"* "$SCRATCH/$language"
            if (cd "$SCRATCH/$language" && "fetch_${language}_client"); then
                mv "$SCRATCH/$language/client" "$folder/$language"
            else
                say "TOXIPROXY CLIENT OF ${language^^} NOT INSTALLED."
            fi
        fi
    done
}

# Each fetches, in a folder with the lock file, what the lock names into a folder `client`.
has_node_tools() { has npm; }
fetch_node_client() {
    npm ci --ignore-scripts --no-audit --no-fund --silent && mkdir client && mv node_modules client
}

has_go_tools() { has go; }
fetch_go_client() {
    GOMODCACHE="$PWD/client" GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0 go build -o driver .
}

has_java_tools() { has javac && has mvn; }
fetch_java_client() {
    mvn --quiet --batch-mode "-Dstyle.color=never" "$MAVEN_PLUGIN:copy-dependencies" \
        "-DoutputDirectory=$PWD/client" && (cd client && sha256sum --check --strict --quiet ../jars.sha256)
}

main() {
    local all=no system
    case "${1-}" in
    "") ;;
    --all) all=yes ;;
    *) die "the only option is --all (also install: ${FOREIGN[*]}); got $1" ;;
    esac
    SCRATCH=$(mktemp -d)
    trap clean_up EXIT
    install_packages
    install_toxiproxy
    if [ "$all" = yes ]; then
        for system in "${FOREIGN[@]}"; do "install_$system"; done
    fi
    say "done; nothing was started"
}

main "$@"
