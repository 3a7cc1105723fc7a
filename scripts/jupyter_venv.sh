#!/usr/bin/env bash
# Prints the folder of a virtual environment with JupyterLab, the kernel, and papermill with parameters in Rust.
#
# Usage: scripts/jupyter_venv.sh OXIKALE
#
# OXIKALE is the command that was built. The environment gets a copy of it, so that its kernelspec outlives
# `cargo clean` and a terminal in JupyterLab finds it too. A second call does only what is left to do.
set -euo pipefail

oxikale=${1:?usage: scripts/jupyter_venv.sh OXIKALE}
root=$(cd "$(dirname "$0")/.." && pwd)
[ -x "$oxikale" ] || { echo "jupyter_venv.sh: $oxikale is missing: build it with make release" >&2; exit 1; }

venv=$("$root/scripts/venv.sh" "$root/scripts/lab-requirements.txt")
exec 9>"$venv.lock"
flock 9

if ! cmp --silent "$oxikale" "$venv/bin/oxikale"; then
    # A kernel that runs keeps the file that it was started from.
    cp "$oxikale" "$venv/bin/oxikale.part"
    mv -f "$venv/bin/oxikale.part" "$venv/bin/oxikale"
fi
PATH="$venv/bin:$PATH" "$venv/bin/oxikale" kernel install --prefix "$venv" --quiet >/dev/null

package=$(cd "$root/python" && find pyproject.toml README.md oxikale_jupyter -type f -not -name '*.pyc' -print0 |
    sort --zero-terminated | xargs --null sha256sum | sha256sum)
if [ "$(cat "$venv/oxikale-package" 2>/dev/null)" != "$package" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --force-reinstall "$root/python" >&2
    echo "$package" >"$venv/oxikale-package"
fi
echo "$venv"
