#!/bin/sh
# Runs Apical and the same nets in PyTorch one after the other, in one go, and prints ratios.
#
#     sh bench/beside_torch.sh YARDSTICK.py [BUILD]     YARDSTICK.py NET --batch 4 --steps T ...
#                                                       prints one JSON object (needs python3-torch)
set -eu
yardstick=${1:?"give the path of the PyTorch yardstick"}
build=${2:-build}
for row in "sresnet --steps 10 --size 64" "msresnet --steps 8 --size 48" "sewresnet --steps 8 --size 48"; do
    net=${row%% *}
    # shellcheck disable=SC2086
    theirs=$(/usr/bin/python3 "$yardstick" $row --batch 4 --surrogate triangle)
    for memory in keep recompute; do
        ours=$("$build/bench/net_step" "$net" "$memory")
        printf '%s\n%s\n' "$theirs" "$ours" | /usr/bin/python3 -c '
import json, sys
a, b = (json.loads(line) for line in sys.stdin)
mean = lambda r: sum(r) / len(r)
print("%-10s %-10s train %.3f s against %.3f (%.1fx)  inference %.3f s against %.3f (%.1fx)  '"\
"'peak %d MB against %d (1/%.1f)  firing %.3f against %.3f" % (b["net"], b["memory"], b["train_s"],
a["train_s"], a["train_s"] / b["train_s"], b["infer_s"], a["infer_s"], a["infer_s"] / b["infer_s"],
b["peak_mb"], a["peak_mb"], a["peak_mb"] / b["peak_mb"], mean(b["rates"]), mean(a["rates"])))'
    done
done
