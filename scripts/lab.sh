#!/usr/bin/env bash
# Opens JupyterLab with the kernel on a folder.
#
# Usage: scripts/lab.sh OXIKALE FOLDER [OPTION OF JUPYTER LAB]...
#
# It listens on this machine only, and whoever wants in needs the token that it prints.
set -euo pipefail

oxikale=${1:?usage: scripts/lab.sh OXIKALE FOLDER [OPTION]...}
folder=${2:?usage: scripts/lab.sh OXIKALE FOLDER [OPTION]...}
shift 2
venv=$("$(dirname "$0")/jupyter_venv.sh" "$oxikale")

options=(--ip=127.0.0.1 --ServerApp.root_dir="$(cd "$folder" && pwd)")
# Jupyter does not start for the superuser, as in a container, unless it is told that this is meant.
[ "$(id -u)" != 0 ] || options+=(--allow-root)
export PATH="$venv/bin:$PATH" VIRTUAL_ENV="$venv"
exec "$venv/bin/jupyter" lab "${options[@]}" "$@"
