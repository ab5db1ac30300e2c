#!/usr/bin/env bash
# Time and peak memory of one explanation, Vitrine beside PyTorch on the same cores, as a Markdown table.
#
#   benches/compare.sh                     python3 if it has torch, else Vitrine alone
#   PYTHON=path/to/python benches/compare.sh
#
# The two take turns in one run, so that a busy machine disturbs both; the quietest round of each counts.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=2
python=${PYTHON:-python3}
reference=benches/pytorch_reference.py
results=$(mktemp)
trap 'rm -f "$results"' EXIT

vitrine() { cargo bench --quiet --locked --bench explain -- --json "$@" | tee -a "$results" >&2; }
pytorch() { "$python" "$reference" --json "$@" | tee -a "$results" >&2; }

cargo bench --quiet --locked --bench explain --no-run
vitrine --memory ViT-B
if with_torch=$("$python" -c 'import torch; print(torch.__version__)' 2>/dev/null); then
    pytorch --memory ViT-B
else
    with_torch=
fi
for _ in $(seq "$rounds"); do
    vitrine
    if [ -n "$with_torch" ]; then
        pytorch --threads "$(sed -n 's/.*"threads":\([0-9]*\).*/\1/p' "$results" | head -n 1)"
    fi
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
echo
echo "Relevance of one 224 px image, f32, milliseconds: min (median) of 12 runs, quietest of $rounds rounds."
awk -v cpu="${cpu:-$(uname -m)}" -v torch="$with_torch" '
    function field(name,    rest) {
        if (!match($0, "\"" name "\":\"?[^,\"}]*")) return ""
        rest = substr($0, RSTART, RLENGTH)
        sub(/^"[a-z_]*":"?/, "", rest)
        return rest
    }
    function keep_least(table, key, value) {
        if (value != "" && (!(key in table) || value + 0 < table[key])) table[key] = value + 0
    }
    function cell(who, model) {
        return sprintf("%.1f (%.1f)", low[who, model], median[who, model])
    }
    {
        who = field("implementation"); model = field("model")
        keep_least(low, who SUBSEP model, field("min_ms"))
        keep_least(median, who SUBSEP model, field("median_ms"))
        keep_least(peak, who SUBSEP model, field("peak_mb"))
        if (field("threads") != "") threads = field("threads")
    }
    END {
        printf "CPU: %s, %d threads.%s\n\n", cpu, threads, torch == "" ? "" : " PyTorch " torch " eager."
        print torch == "" ? "| model | Vitrine |\n|---|---:|" \
                          : "| model | Vitrine | PyTorch | ratio of minima |\n|---|---:|---:|---:|"
        count = split("ViT-Ti ViT-S ViT-B", models, " ")
        for (i = 1; i <= count; i++) {
            model = models[i]
            printf "| %s | %s |", model, cell("vitrine", model)
            if (torch != "")
                printf " %s | %.2f |", cell("pytorch", model), low["vitrine", model] / low["pytorch", model]
            print ""
        }
        printf "| ViT-B, peak memory of the process, MB | %d |", peak["vitrine", "ViT-B"]
        if (torch != "")
            printf " %d | %.2f |", peak["pytorch", "ViT-B"], peak["vitrine", "ViT-B"] / peak["pytorch", "ViT-B"]
        print ""
    }' "$results"
if [ -z "$with_torch" ]; then
    echo
    echo "No PyTorch beside it: $python has no torch. Get it with «pip install torch», or name a Python that has it in PYTHON."
fi
