#!/bin/sh
# Puts the passenger lists of the Titanic notebook where its cells look for them.
#
#   sh titanic_data.sh            into the folder that stands for /shared_volume on this machine
#   sh titanic_data.sh FOLDER     into FOLDER
#
# They come from the Python package below. What is downloaded is kept in the cache folder of Oxikale and
# checked before it is used, so that a second call needs no network.
set -eu

package="titanic-classification-model"
version="0.0.1"
wheel="titanic_classification_model-0.0.1-py3-none-any.whl"
sha256="7e5019a3eb406cbf67605368275446c9ea9abee570b6ab5a7350323c142a84a1"

fail() {
    echo "titanic_data.sh: $*" >&2
    exit 1
}

[ $# -le 1 ] || fail "one folder at most, but there are $# arguments"
command -v python3 >/dev/null || fail "python3 is needed to fetch and unpack the package; install it and try again"

if [ -z "${HOME:-}" ] && { [ -z "${OXIKALE_CACHE:-}${XDG_CACHE_HOME:-}" ] || [ -z "${OXIKALE_DATA:-}${XDG_DATA_HOME:-}" ]; }; then
    fail "HOME is not set; set OXIKALE_CACHE and OXIKALE_DATA to two folders"
fi
cache="${OXIKALE_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/oxikale}/titanic"

# The order in which the function oxikale::volume looks for the folder.
if [ $# -eq 1 ]; then
    [ -n "$1" ] || fail "the folder's name is empty"
    target="$1"
elif [ -d /shared_volume ]; then
    target="/shared_volume"
else
    target="${OXIKALE_DATA:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/oxikale}/volumes/shared_volume"
fi

mkdir -p "$cache" "$target" || fail "cannot create $cache and $target"

intact() {
    [ -f "$1" ] && python3 - "$1" "$sha256" <<'PYTHON'
import hashlib, sys
with open(sys.argv[1], "rb") as file:
    sys.exit(hashlib.sha256(file.read()).hexdigest() != sys.argv[2])
PYTHON
}

if ! intact "$cache/$wheel"; then
    part=$(mktemp -d "$cache/download.XXXXXX") || fail "cannot write to $cache"
    trap 'rm -rf "$part"' EXIT
    trap 'exit 130' INT TERM HUP
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$part" "$package==$version" >&2 ||
        fail "pip could not download $package $version; check the network, or put $wheel into $cache"
    [ -f "$part/$wheel" ] || fail "pip did not bring $wheel"
    intact "$part/$wheel" ||
        fail "$wheel has another SHA-256 than $sha256: it is not the file that this script knows, and was not used"
    mv -f "$part/$wheel" "$cache/$wheel"
fi

python3 - "$cache/$wheel" "$target" <<'PYTHON' || fail "cannot write the passenger lists into $target"
import os, sys, tempfile, zipfile

wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in ("train.csv", "test.csv"):
        data = archive.read("classification_model/datasets/" + name)
        path = os.path.join(target, name)
        try:
            with open(path, "rb") as file:
                if file.read() == data:
                    continue
        except FileNotFoundError:
            pass
        # Written beside its place and moved there, so that no step ever reads half a file.
        handle, part = tempfile.mkstemp(dir=target, prefix="." + name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(part, 0o644)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
PYTHON
echo "$target/train.csv and test.csv are in place"
