#!/bin/sh
# Draws the pictures of docs/viewer.md, and one of every panel, without a display.
#
#     sh scripts/screenshots.sh MODEL [INPUT]          # the pictures of the pages
#     FOLDER=shots sh scripts/screenshots.sh MODEL     # every panel, 1280x800 and 2560x1440,
#                                                      # dark and light
#
# MODEL is a trained run, INPUT what it is shown (test:0); COMPARE=MODEL a second net beside it.
set -eu
cd "$(dirname "$0")/.."
apical=${APICAL:-build/cli/apical}
if [ $# -lt 1 ]; then
    echo "screenshots.sh: wanted a run of \"apical train\"" >&2
    exit 2
fi
model=$1 input=${2:-test:0}

shot() { # OUT.png OPTION...
    out=$1
    shift
    "$apical" view "$model" "$input" --screenshot "$out" "$@"
    echo "$out"
}

if [ -n "${FOLDER:-}" ]; then
    mkdir -p "$FOLDER"
    for size in 1280x800 2560x1440; do
        for colours in dark light; do
            at="$colours-$size.png"
            shot "$FOLDER/window-$at" --size "$size" --at '#5' "--$colours"
            for file in viz/panels/*.c; do
                panel=$(basename "$file" .c)
                grep -q "viz_panel_$panel = " "$file" || continue
                shot "$FOLDER/$panel-$at" --size "$size" --at '#5' "--$colours" \
                    --panel "$panel" ${COMPARE:+--compare "$COMPARE"}
            done
        done
    done
    exit 0
fi

layer=$("$apical" view "$model" "$input" --panel layers --csv /dev/stdout 2>/dev/null |
    sed -n '2,$p' | cut -d, -f1 | uniq | sed -n 2p)
shot docs/images/viewer.png --size 1280x800 --at '#4' --layer "$layer" \
    --pick "$layer:900" --pick "$layer:5000"
shot docs/images/viewer-raster.png --size 900x420 --at '#6' --layer "$layer" --panel raster
