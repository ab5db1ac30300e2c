#!/usr/bin/env python3
"""The work of benches/explain.rs in PyTorch eager, f32, on the CPU: GAE relevance of one 224 px image.

A pre-norm ViT (the architecture of timm's deit_*_patch16_224) with random weights. One autograd.grad call
yields the gradients of all attention maps, and only the class token's row of the relevance is propagated:
the fastest form we know of. Parameters never require gradients; two ways to start the graph are timed, from
the input and from the first attention map, and the faster one counts.

  pytorch_reference.py [--threads N] [--json]     time of ViT-Ti, ViT-S and ViT-B
  pytorch_reference.py --memory ViT-B             peak resident memory of one explanation in this process
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    print(f"PyTorch is needed for the comparison ({error}); install it with: pip install torch", file=sys.stderr)
    sys.exit(2)

MODELS = {"ViT-Ti": (192, 3), "ViT-S": (384, 6), "ViT-B": (768, 12)}  # width, heads
GRAPH_STARTS = ("input", "first map")
DEPTH, CLASSES, SIDE, PATCH = 12, 1000, 224, 16
WARM_UPS, RUNS = 2, 12  # keep in sync with benches/explain.rs


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x, maps):
        batch, tokens, dim = x.shape
        width = dim // self.heads
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        attention = ((q * width**-0.5) @ k.transpose(-2, -1)).softmax(-1)
        if not attention.requires_grad:
            attention.requires_grad_(True)  # the graph starts here
        maps.append(attention)
        x = x + self.proj((attention @ v).transpose(1, 2).reshape(batch, tokens, dim))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class VisionTransformer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (SIDE // PATCH) ** 2, dim) * 0.02)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, CLASSES)

    def forward(self, image):
        x = self.patch_embed(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token, x], 1) + self.pos_embed
        maps = []
        for block in self.blocks:
            x = block(x, maps)
        return self.head(self.norm(x[:, 0])), maps


def explain(model, image):
    logits, maps = model(image)
    gradients = torch.autograd.grad(logits.max(), maps)
    with torch.no_grad():
        row = torch.zeros(1, maps[0].shape[-1])
        row[0, 0] = 1.0
        for attention, gradient in zip(reversed(maps), reversed(gradients)):
            row = row + row @ (attention * gradient).clamp(min=0).mean(1)[0]
    return row[0, 1:]


def model_and_image(name, graph_start):
    torch.manual_seed(0)
    model = VisionTransformer(*MODELS[name]).eval().requires_grad_(False)
    return model, torch.randn(1, 3, SIDE, SIDE, requires_grad=graph_start == "input")


def milliseconds(name, graph_start):
    model, image = model_and_image(name, graph_start)
    times = []
    for _ in range(WARM_UPS + RUNS):
        start = time.perf_counter()
        explain(model, image)
        times.append((time.perf_counter() - start) * 1e3)
    return times[WARM_UPS:]


def report_time(name, as_json):
    times = {start: milliseconds(name, start) for start in GRAPH_STARTS}
    fastest = min(times, key=lambda start: min(times[start]))
    low, median, threads = min(times[fastest]), statistics.median(times[fastest]), torch.get_num_threads()
    if as_json:
        line = {"implementation": "pytorch", "model": name, "threads": threads}
        line |= {"min_ms": round(low, 2), "median_ms": round(median, 2), "torch": torch.__version__}
        print(json.dumps(line, separators=(",", ":")), flush=True)
    else:
        print(f"{name:<7} min {low:8.2f} ms   median {median:8.2f} ms   (from the {fastest}, {threads} threads)")


def report_memory(name, as_json):
    explain(*model_and_image(name, "first map"))
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    if as_json:
        line = {"implementation": "pytorch", "model": name, "peak_mb": round(peak)}
        print(json.dumps(line, separators=(",", ":")))
    else:
        print(f"{name:<7} peak resident memory {peak:.0f} MB")


def physical_cores():
    """As Vitrine counts: physical cores, within what this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processors = file.read().strip().split("\n\n")
    except OSError:
        return usable
    keys = ("physical id", "core id")
    cores = {tuple(line for line in entry.splitlines() if line.startswith(keys)) for entry in processors}
    return min(usable, len(cores)) if () not in cores else usable


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=physical_cores(), help="default: physical cores")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--memory", metavar="MODEL", choices=MODELS, help="measure peak memory instead of time")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.memory:
        report_memory(arguments.memory, arguments.json)
    else:
        for name in MODELS:
            report_time(name, arguments.json)


if __name__ == "__main__":
    main()
