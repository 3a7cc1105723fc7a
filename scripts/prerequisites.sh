#!/usr/bin/env bash
# Says in clear words which tools are missing, and installs those that apt has where it may.
# Everything else that Oxikale needs (crates, Python packages, data) its own set-up fetches.
set -euo pipefail

# `browser` asks for what the tests in a browser need besides.
for_what=${1:-}
missing_packages=()
problems=()

# at_least FOUND WANTED: whether version FOUND is WANTED or newer.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort --version-sort | head -n 1)" = "$2" ]
}

look() {
    missing_packages=()
    problems=()
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        problems+=("cargo and rustc are missing: install Rust 1.95 or newer, see https://rustup.rs")
    else
        local rust
        rust=$(rustc --version | cut -d ' ' -f 2)
        at_least "${rust%%-*}" 1.95 || problems+=("rustc is $rust, Oxikale needs 1.95 or newer: rustup update")
        for component in fmt clippy; do
            cargo "$component" --version >/dev/null 2>&1 ||
                problems+=("cargo $component is missing: rustup component add ${component/#fmt/rustfmt}")
        done
    fi
    command -v cc >/dev/null || missing_packages+=(gcc libc6-dev)
    if ! command -v python3 >/dev/null; then
        missing_packages+=(python3 python3-venv)
    else
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            problems+=("python3 is $(python3 --version | cut -d ' ' -f 2), the tests need 3.11 or newer")
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing_packages+=(python3-venv)
    fi
    if [ "$for_what" = browser ]; then
        command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
            missing_packages+=(chromium)
    fi
}

look
if [ ${#missing_packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing with apt: ${missing_packages[*]}" >&2
        apt-get update --quiet >&2
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing_packages[@]}" >&2
        look
    fi
    if [ ${#missing_packages[@]} -gt 0 ]; then
        problems+=("missing: on Debian or Ubuntu run: sudo apt-get install ${missing_packages[*]}")
    fi
fi
if [ ${#problems[@]} -gt 0 ]; then
    printf 'Oxikale cannot be built here yet:\n' >&2
    printf '  * %s\n' "${problems[@]}" >&2
    exit 1
fi
