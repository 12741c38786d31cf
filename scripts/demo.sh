#!/bin/sh
# From nothing to a trained spiking network: recordings from pictures, training, test,
# one simulated recording, plots.
#
#     sh scripts/demo.sh [FOLDER]     # results in FOLDER (demo)
set -eu
cd "$(dirname "$0")/.."
out=${1:-demo}
images=/usr/share/datasets/fashion-mnist
start=$(date +%s)

step() { printf '\n%s\n    %s\n' "$1" "$2"; }

sh scripts/install.sh demo
sh scripts/build.sh build
apical=build/cli/apical
mkdir -p "$out"

data=$out/dvs_fashion
step "1  A camera that sees only changes looks at Fashion-MNIST" \
    "apical data synth $images $data --per-class 500 --loops 1 --threshold 0.4"
"$apical" data synth "$images" "$data" --per-class 500 --loops 1 --threshold 0.4

rm -rf "$out/run"
step "2  A spiking ResNet learns from the recordings" \
    "apical train examples/dvs_fashion.yaml"
"$apical" train examples/dvs_fashion.yaml --set "data.path=$data" \
    --set "data.cache=$out/cache" --out "$out/run"

step "3  What it got right, and what it cost" "apical eval $out/run"
"$apical" eval "$out/run"

sample=$(find "$data" -name '*.aedat' | LC_ALL=C sort | tail -n 1)
step "4  One recording, step by step, with every spike written down" \
    "apical sim $out/run $sample --record $out/activity.h5"
"$apical" sim "$out/run" "$sample" --record "$out/activity.h5" --plots "$out/run/plots"

view="$apical view $out/run $sample"
step "5  Its neurons at work" "$view"
$view --at 100ms --screenshot "$out/run/plots/viewer.png"

printf '\nDone in %d s. Pictures:\n' "$(($(date +%s) - start))"
find "$out/run" -name '*.png' | LC_ALL=C sort | sed 's/^/    /'
printf '\nThe moving picture (space plays, ? shows all keys):\n    %s --play --loop\n' "$view"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && [ -t 1 ]; then
    $view --play --loop
fi
