#!/bin/sh
# Installs the Debian packages that are missing, and nothing else.
#
#     sh scripts/install.sh build|demo|test
#
# Only what is missing is asked for, so a second run does nothing and needs no network. On
# a system without dpkg it says what is needed and goes on.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libhdf5-dev libdnnl-dev
    libyaml-dev librandom123-dev zlib1g-dev libpng-dev liblz4-dev libzstd-dev libmatio-dev
    nettle-dev libgsl-dev libsdl2-dev libsdl2-ttf-dev fonts-dejavu-core"
demo="gnuplot-nox dataset-fashion-mnist"
test="libcriterion-dev libcjson-dev gnuplot-nox python3 python3-h5py xvfb xdotool"

case "${1:-build}" in
    build) wanted=$build ;;
    demo) wanted="$build $demo" ;;
    test) wanted="$build $test" ;;
    *)
        echo "install.sh: wanted build, demo or test, not \"$1\"" >&2
        exit 2
        ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is no Debian system. Needed here are the packages that Debian calls:"
    echo "$wanted" | tr -s ' \n' ' ' | fold -s -w 88
    echo
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install.sh: these packages are missing and only root can install them:" >&2
        echo "    apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "Installing what is missing:$missing"
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists may be missing or old: bring them up to date first.
if ! $as_root apt-get update -q >"$log" 2>&1 || ! install >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "install.sh: apt-get failed; its last lines are above" >&2
    exit 1
fi
