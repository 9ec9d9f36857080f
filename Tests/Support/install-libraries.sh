#!/bin/sh
# Installs the C libraries and tools that Choroy links and builds with, when they are missing, and says so.
set -eu

command -v swift >/dev/null 2>&1 || {
    echo "choroy: Swift 6.2 or newer is needed: https://www.swift.org/install" >&2
    exit 1
}

if [ "$(uname)" = Darwin ]; then
    for library in utf8proc pkgconf; do
        brew list "$library" >/dev/null 2>&1 || {
            echo "choroy: installing $library with brew"
            brew install "$library"
        }
    done
    exit 0
fi

missing=""
[ -e /usr/include/utf8proc.h ] || missing="$missing libutf8proc-dev"
[ -e /usr/include/zlib.h ] || missing="$missing zlib1g-dev"
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
[ -z "$missing" ] && exit 0

command -v apt-get >/dev/null 2>&1 || {
    echo "choroy: please install these libraries with your package manager:$missing" >&2
    exit 1
}
sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
echo "choroy: installing$missing with apt-get"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$sudo apt-get update -qq && $sudo apt-get install -y -qq $missing
