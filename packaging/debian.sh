#!/usr/bin/env bash
# Installs the Debian packages that are missing for the purposes named:
#   build    what compiling, testing and the conformance cases need
#   bench    what `make bench` measures against, and its load generator
#   profile  what the profilers are
# Does nothing, quickly, when all are there.
set -euo pipefail

# Debian 12 has PHP 8.2, Debian 13 has 8.4; elsewhere, whatever `php-config` says.
php_version() {
    local release
    release=$(. /etc/os-release && echo "${ID:-}-${VERSION_ID:-}")
    case "$release" in
    debian-12) echo 8.2 ;;
    debian-13) echo 8.4 ;;
    *) php-config --version 2>/dev/null | cut -d. -f1,2 || true ;;
    esac
}

packages() {
    local php=$1 purpose
    for purpose in "${@:2}"; do
        case "$purpose" in
        build)
            echo gcc libc6-dev make cmake pkg-config python3
            echo "php$php-dev" "libphp$php-embed" "php$php-opcache" "php$php-sqlite3" \
                "php$php-mbstring" "php$php-curl" "php$php-xml"
            ;;
        bench) echo nginx-light "php$php-fpm" wrk ;;
        profile) echo linux-perf valgrind ;;
        *)
            echo "setup: unknown purpose '$purpose'" >&2
            exit 1
            ;;
        esac
    done
}

# Which of the packages are not installed.
missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            echo "$package"
    done
}

if ! command -v cargo >/dev/null; then
    echo "setup: there is no cargo in PATH: README.md says how to get Rust" >&2
    exit 1
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    if command -v php-config >/dev/null && command -v cc >/dev/null && command -v cmake >/dev/null; then
        exit 0
    fi
    echo "setup: this system has no apt-get, so install by hand: a C compiler, cmake, python3," \
        "and PHP with its headers, its embed library and opcache" >&2
    exit 1
fi

php=$(php_version)
if [ -z "$php" ]; then
    echo "setup: this is neither Debian 12 nor Debian 13, and there is no php-config to say" \
        "which PHP to build against: install your system's php-dev and libphp-embed" >&2
    exit 1
fi

wanted=$(packages "$php" "$@")
# shellcheck disable=SC2086
lacking=$(missing $wanted | tr '\n' ' ')
[ -n "$lacking" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing, and installing them takes root: $lacking" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "setup: installing $lacking"
$sudo apt-get update -q
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $lacking
