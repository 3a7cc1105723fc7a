#!/bin/sh
# Installs the sources of the standard library, without which rust-analyzer does not know the types of variables.
#
#   sh scripts/rust_src.sh
#
# They are a component of the toolchain; where rustup cannot fetch it, Debian's package of them goes into the cache
# folder of Oxikale, where the engines look too. A second call does nothing.
set -eu

fail() {
    echo "rust_src.sh: $*" >&2
    exit 1
}

if [ -z "${OXIKALE_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ]; then
    fail "HOME is not set; set OXIKALE_CACHE to a folder"
fi
cache="${OXIKALE_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/oxikale}"
mkdir -p "$cache" || fail "cannot create $cache"

library="$(rustc --print sysroot)/lib/rustlib/src/rust/library"
if [ -d "$library" ]; then
    echo "the sources of the standard library are in $library"
    exit 0
fi
if command -v rustup >/dev/null && rustup component add rust-src && [ -d "$library" ]; then
    exit 0
fi

# Debian's package of the sources for its web browsers: the only one whose version is near enough.
fallback="$cache/rust-src/library"
if [ -d "$fallback" ]; then
    echo "the sources of the standard library are in $fallback"
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    fail "rustup could not add rust-src, and there is no apt-get to take Debian's rust-web-src instead"
part=$(mktemp -d "$cache/rust-src.XXXXXX") || fail "cannot write to $cache"
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM HUP
(cd "$part" && apt-get download rust-web-src) || fail "apt-get could not download rust-web-src"
dpkg-deb --fsys-tarfile "$part"/rust-web-src_*.deb | tar -x -C "$part" --wildcards './usr/src/rustc-*/library' ||
    fail "rust-web-src has no library folder"
mkdir -p "$cache/rust-src"
mv "$part"/usr/src/rustc-*/library "$fallback"
echo "the sources of the standard library are in $fallback; evcxr finds them by RUST_SRC_PATH=$fallback"
