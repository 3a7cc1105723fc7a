#!/usr/bin/env bash
# Prints the folder of a Python virtual environment that holds exactly the given requirements.
#
# Usage: scripts/venv.sh REQUIREMENTS
#
# It lies in the cache folder under a name made of the requirements and of Python's version, so that it is
# made once, and again when either changes. One that was broken off is made anew; two calls at once wait for
# each other. Packages come from the package index that pip is configured for.
set -euo pipefail

requirements=${1:?usage: scripts/venv.sh REQUIREMENTS}
cache=${OXIKALE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/oxikale}
key=$( (python3 --version; cat "$requirements") | sha256sum | cut -c 1-16)
folder=$cache/venv-$key

mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
    echo "setting up $folder for $requirements" >&2
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" >&2
    "$folder/bin/python" -m pip check >&2
    touch "$folder/complete"
fi
echo "$folder"
