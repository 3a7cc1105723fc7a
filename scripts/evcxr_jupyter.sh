#!/usr/bin/env bash
# Prints the folder of a Jupyter installation that holds the kernel of evcxr, to compare with.
#
# Usage: scripts/evcxr_jupyter.sh
#
# It is built once into the cache folder, which takes a quarter of an hour since rust-analyzer is a part of it; where
# EVCXR_JUPYTER names a program of that version, that one is taken. The folder is one for JUPYTER_PATH; its kernel is
# called `rust`.
set -euo pipefail

version=0.22.0
cache=${OXIKALE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/oxikale}
folder=$cache/evcxr_jupyter-$version

mkdir -p "$cache"
exec 9>"$folder.lock"
flock 9
if [ -n "${EVCXR_JUPYTER:-}" ]; then
    # A folder of its own, so that the kernelspec of what is built here stays as it is.
    folder=$cache/evcxr_jupyter-given
    mkdir -p "$folder/jupyter"
    JUPYTER_PATH=$folder/jupyter "$(realpath "$EVCXR_JUPYTER")" --install >&2
elif [ ! -e "$folder/complete" ]; then
    echo "building evcxr_jupyter $version into $folder" >&2
    build=$(mktemp -d "$cache/evcxr_jupyter.XXXXXX")
    trap 'rm -rf "$build"' EXIT
    rm -rf "$folder"
    cargo install --locked --quiet "evcxr_jupyter@$version" --root "$folder" --target-dir "$build" >&2
    JUPYTER_PATH=$folder/jupyter "$folder/bin/evcxr_jupyter" --install >&2
    touch "$folder/complete"
fi
# Without these sources evcxr knows no types of variables; the script does nothing where they are.
sh "$(dirname "${BASH_SOURCE[0]}")/rust_src.sh" >&2
echo "$folder/jupyter"
