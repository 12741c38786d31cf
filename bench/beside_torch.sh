#!/bin/sh
# Runs Apical and the same nets in PyTorch alternately, in one go, and prints the ratios of
# the medians.
#
#     sh bench/beside_torch.sh YARDSTICK.py [BUILD [ROUNDS [NET...]]]
#
# PRECISIONS="f32 bf16" measures Apical with each of them.
# YARDSTICK.py NET --batch 4 --steps T ... prints one JSON object (needs python3-torch).
# Memory counts activations: the peak of the process less code, parameters, gradients and
# the optimiser's state.
set -eu
yardstick=${1:?"give the path of the PyTorch yardstick"}
build=${2:-build}
rounds=${3:-3}
precisions=${PRECISIONS:-f32}
[ $# -gt 3 ] && shift 3 && nets=$* || nets="sresnet msresnet sewresnet"
python=/usr/bin/python3
code=$($python -c 'import torch, resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)')
for net in $nets; do
    case $net in
    sresnet) sizes="--steps 10 --size 64 --batch 4" copies=3 ;;
    mocapsnet) sizes="--blocks 1 --batch 128" copies=4 ;; # Adam keeps two moments
    *) sizes="--steps 8 --size 48 --batch 4" copies=3 ;;
    esac
    figures=$(mktemp)
    for round in $(seq "$rounds"); do
        # shellcheck disable=SC2086
        $python "$yardstick" "$net" $sizes --surrogate triangle --runs 3 | tr -d '\n' >>"$figures"
        echo >>"$figures"
        for precision in $precisions; do
            for memory in keep recompute; do
                "$build/cli/apical" bench step --net "$net" --memory "$memory" \
                    --precision "$precision" --json - | tr -d '\n' >>"$figures"
                echo >>"$figures"
            done
        done
    done
    $python - "$figures" "$code" "$copies" <<'PYTHON'
import json, sys
from statistics import median
lines = [json.loads(line) for line in open(sys.argv[1]) if line.strip()]
theirs = [l for l in lines if "suite" not in l]
mid = lambda rows, key: median(r[key] for r in rows)
share = lambda rows, key: 100 * mid(rows, key) if rows[0][key] is not None else 0
mean = lambda rates: sum(rates) / len(rates) if rates else 0.0
mine = [l for l in lines if "suite" in l]
for precision, memory in dict.fromkeys((l["precision"], l["rows"][0]["memory"]) for l in mine):
    ours = [l["rows"][0] for l in mine if (l["precision"], l["rows"][0]["memory"]) == (precision, memory)]
    copies = int(sys.argv[3]) * 4e-6 * ours[0]["parameters"]  # weights, gradients, moments
    held = mid(theirs, "peak_mb") * 1.048576 - float(sys.argv[2]) * 1.048576 - copies
    train, infer = mid(ours, "train_s"), mid(ours, "infer_s")
    took = mid(ours, "activation_bytes") / 1e6
    peak, theirs_peak = mid(ours, "peak_bytes") / 1e6, mid(theirs, "peak_mb") * 1.048576
    print("%-9s %-5s %-9s  train %.3f s against %.3f (%.1fx)  inference %.3f s against %.3f (%.1fx)  "
          "activations %.0f MB against %.0f (1/%.1f)  "
          "process %.0f MB against %.0f (1/%.1f)  firing %.1f %% (inference %.1f) against %.1f %%" % (
          ours[0]["net"], precision, memory, train, mid(theirs, "train_s"), mid(theirs, "train_s") / train,
          infer, mid(theirs, "infer_s"), mid(theirs, "infer_s") / infer, took, held, held / took,
          peak, theirs_peak, theirs_peak / peak, share(ours, "rate"),
          share(ours, "infer_rate"), 100 * mean(theirs[0]["rates"])))
PYTHON
    rm -f "$figures"
done
