#!/usr/bin/env bash
# Time and peak memory of one explanation, or one finetuning step, Vitrine beside PyTorch on the same cores, as a
# Markdown table.
#
#   benches/compare.sh [explain|finetune]           python3 if it has torch, else Vitrine alone
#   PYTHON=path/to/python benches/compare.sh
#
# The two take turns in one run, so that a busy machine disturbs both; the quietest round of each counts.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${1:-explain}
models="ViT-Ti ViT-S ViT-B"
case $work in
    explain) rounds=2 memory_of="ViT-B" title="Relevance of one 224 px image, f32, milliseconds: min (median) of 12 runs" ;;
    finetune) rounds=1 memory_of=$models title="One finetuning step, 8 pictures of 224 px, f32, milliseconds: min (median) of 3 runs" ;;
    *) echo "there are the works explain and finetune, not «$work»" >&2; exit 2 ;;
esac
python=${PYTHON:-python3}
reference=benches/pytorch_reference.py
results=$(mktemp)
trap 'rm -f "$results"' EXIT

vitrine() { cargo bench --quiet --locked --bench "$work" -- --json "$@" | tee -a "$results" >&2; }
pytorch() { "$python" "$reference" --work "$work" --json "$@" | tee -a "$results" >&2; }

cargo bench --quiet --locked --bench "$work" --no-run
with_torch=$("$python" -c 'import torch; print(torch.__version__)' 2>/dev/null) || with_torch=
for model in $memory_of; do
    vitrine --memory "$model"
    if [ -n "$with_torch" ]; then pytorch --memory "$model"; fi
done
for _ in $(seq "$rounds"); do
    for model in $models; do
        vitrine --model "$model"
        if [ -n "$with_torch" ]; then
            threads=$(sed -n 's/.*"threads":\([0-9]*\).*/\1/p' "$results" | head -n 1)
            pytorch --threads "$threads" --model "$model"
        fi
    done
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
echo
echo "$title, quietest of $rounds rounds."
awk -v cpu="${cpu:-$(uname -m)}" -v torch="$with_torch" -v models="$models" -v memory_of="$memory_of" '
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
        if (who == "pytorch lean") with_lean = 1
    }
    END {
        printf "CPU: %s, %d threads.%s\n\n", cpu, threads, torch == "" ? "" : " PyTorch " torch " eager."
        head = "| model | Vitrine |"; rule = "|---|---:|"
        if (torch != "") { head = head " PyTorch | ratio of minima |"; rule = rule "---:|---:|" }
        if (with_lean) { head = head " PyTorch, one forward | ratio |"; rule = rule "---:|---:|" }
        print head "\n" rule
        count = split(models, names, " ")
        for (i = 1; i <= count; i++) {
            model = names[i]
            printf "| %s | %s |", model, cell("vitrine", model)
            if (torch != "")
                printf " %s | %.2f |", cell("pytorch", model), low["vitrine", model] / low["pytorch", model]
            if (with_lean)
                printf " %s | %.2f |", cell("pytorch lean", model), low["vitrine", model] / low["pytorch lean", model]
            print ""
        }
        count = split(memory_of, names, " ")
        for (i = 1; i <= count; i++) {
            model = names[i]
            printf "| %s, peak memory of the process, MB | %d |", model, peak["vitrine", model]
            if (torch != "")
                printf " %d | %.2f |", peak["pytorch", model], peak["vitrine", model] / peak["pytorch", model]
            if (with_lean) printf " | |"
            print ""
        }
    }' "$results"
if [ -z "$with_torch" ]; then
    echo
    echo "No PyTorch beside it: $python has no torch. Get it with «pip install torch», or name a Python that has it in PYTHON."
fi
