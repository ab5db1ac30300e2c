#!/usr/bin/env bash
# Vitrine on a GPU beside PyTorch eager on the same card, f32 (TF32 off, and on), as a Markdown table: the relevance of
# 1 and of 8 images of 224 px, and a finetuning step of 8, for ViT-Ti, -S and -B. Needs no screen.
#
#   benches/gpu.sh [DEVICE]                         DEVICE as for --device, by default gpu: the best card
#   PYTHON=path/to/python benches/gpu.sh            a Python with torch; without one Vitrine alone
#   BINARIES=folder benches/gpu.sh                  on a machine without Rust: a folder with the programs vitrine,
#                                                   explain and finetune, built elsewhere as below
#
# All of it takes turns in one run, model by model, so that a card that grows warm slows them alike.
set -euo pipefail
cd "$(dirname "$0")/.."

device=${1:-gpu}
python=${PYTHON:-python3}
results=$(mktemp)
trap 'rm -f "$results"' EXIT

if [ -z "${BINARIES:-}" ]; then
    BINARIES=$(mktemp -d)
    trap 'rm -rf "$results" "$BINARIES"' EXIT
    cargo build --quiet --release --locked --bin vitrine
    cp "${CARGO_TARGET_DIR:-target}/release/vitrine" "$BINARIES"
    for bench in explain finetune; do
        built=$(cargo bench --locked --bench "$bench" --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
        cp "$built" "$BINARIES/$bench"
    done
fi

vitrine() {
    "$BINARIES/$1" --json --device "$device" --batch "$2" --model "$3" --runs "$4" | tee -a "$results" >&2
}
pytorch() {
    "$python" benches/pytorch_gpu.py --work "$1" --batch "$2" --model "$3" --runs "$4" "${@:5}" | tee -a "$results" >&2
}

"$BINARIES/vitrine" devices --seconds 1 >&2
card=$("$python" benches/pytorch_gpu.py --name 2>/dev/null) || card=
for model in ViT-Ti ViT-S ViT-B; do
    for job in "explain 1 50" "explain 8 20" "finetune 8 10"; do
        read -r work batch runs <<<"$job"
        vitrine "$work" "$batch" "$model" "$runs"
        if [ -n "$card" ]; then
            pytorch "$work" "$batch" "$model" "$runs"
            pytorch "$work" "$batch" "$model" "$runs" --tf32
        fi
    done
done

echo
echo "Milliseconds, minimum (median). PyTorch's card: ${card:-none found, so Vitrine alone}."
awk '
    function field(name,    rest) {
        if (!match($0, "\"" name "\":\"?[^,\"}]*")) return ""
        rest = substr($0, RSTART, RLENGTH)
        sub(/^"[a-z_0-9]*":"?/, "", rest)
        return rest
    }
    {
        row = field("model") "|" field("work") " " field("batch")
        if (!(row in seen)) { seen[row] = 1; rows[++count] = row }
        cell[field("implementation"), row] = sprintf("%.2f (%.2f)", field("min_ms"), field("median_ms"))
        if (field("device") != "") device = field("device")
    }
    END {
        print "Vitrine on " device ".\n"
        print "| model | work, pictures | Vitrine | PyTorch, TF32 off | PyTorch, TF32 on |\n|---|---|---:|---:|---:|"
        for (i = 1; i <= count; i++) {
            split(rows[i], part, "|")
            printf "| %s | %s | %s | %s | %s |\n", part[1], part[2], cell["vitrine", rows[i]], \
                cell["pytorch", rows[i]], cell["pytorch tf32", rows[i]]
        }
    }' "$results"
