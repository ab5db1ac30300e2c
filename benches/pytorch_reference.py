#!/usr/bin/env python3
"""The work of benches/explain.rs and benches/finetune.rs in PyTorch eager, f32, on the CPU.

A pre-norm ViT (the architecture of timm's deit_*_patch16_224) with random weights.

explain: GAE relevance of one 224 px image. One autograd.grad call yields the gradients of all attention maps, and
only the class token's row of the relevance is propagated: the fastest form we know of. Parameters never require
gradients; two ways to start the graph are timed, from the input and from the first attention map, and the faster
one counts.

finetune: one AdamW step on the relevance loss, 8 images of 224 px. Two forms: «released» computes the loss as the
paper's code does, one forward for relevance (with whole N x N matrices) and one for the classification term, but
takes all map gradients in one call; «lean» is the fastest form we know of: one forward, the class token's row only.

  pytorch_reference.py [--work WORK] [--threads N] [--json]     time of ViT-Ti, ViT-S and ViT-B
  pytorch_reference.py [--work WORK] --memory ViT-B             peak resident memory of doing it once, in this process
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
CYCLES = {"explain": (2, 12), "finetune": (1, 3)}  # warm-ups and runs; keep in sync with benches/*.rs
BATCH = 8  # pictures of a finetuning step


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
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
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


def explain_job(name, form):
    model, image = model_and_image(name, form)
    return lambda: explain(model, image)


def relevance_rows(maps, gradients, form):
    """The class token's relevance of every token, [B, N]; the gradients are constants."""
    batch, _, tokens, _ = maps[0].shape
    steps = [(attention * gradient).clamp(min=0).mean(1) for attention, gradient in zip(maps, gradients)]
    if form == "released":
        relevance = torch.eye(tokens).expand(batch, tokens, tokens)
        for step in steps:
            relevance = relevance + torch.bmm(step, relevance)
        return relevance[:, 0]
    row = torch.zeros(batch, 1, tokens)
    row[:, 0, 0] = 1.0
    for step in reversed(steps):
        row = row + torch.bmm(row, step)
    return row[:, 0]


def finetune_step(model, optimiser, images, masks, labels, form):
    optimiser.zero_grad(set_to_none=True)
    logits, maps = model(images)
    y = logits.gather(1, labels[:, None]).sum()
    rows = relevance_rows(maps, torch.autograd.grad(y, maps, retain_graph=True), form)[:, 1:]
    side = SIDE // PATCH
    relevance = F.interpolate(rows.reshape(-1, 1, side, side), scale_factor=PATCH, mode="bilinear").flatten(1)
    low, high = relevance.min(1, keepdim=True).values, relevance.max(1, keepdim=True).values
    relevance = ((relevance - low) / (high - low)).reshape(masks.shape)
    background = F.mse_loss(relevance * (1 - masks), torch.zeros_like(relevance))
    foreground = F.mse_loss(relevance * masks, masks)
    if form == "released":
        logits, _ = model(images)
    classification = F.cross_entropy(logits, logits.argmax(1))
    (0.8 * (2 * background + 0.3 * foreground) + 0.2 * classification).backward()
    optimiser.step()


def finetune_job(name, form):
    torch.manual_seed(0)
    model = VisionTransformer(*MODELS[name])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-6, weight_decay=1e-4)
    images = torch.rand(BATCH, 3, SIDE, SIDE) * 2 - 1
    masks = torch.zeros(BATCH, SIDE, SIDE)
    masks[:, SIDE // 4 : 3 * SIDE // 4, SIDE // 4 : 3 * SIDE // 4] = 1.0
    labels = torch.arange(BATCH) * 100
    return lambda: finetune_step(model, optimiser, images, masks, labels, form)


# Per work: how to make it, its forms, which of them counts (None: the fastest), and which one memory is measured of.
WORKS = {
    "explain": (explain_job, GRAPH_STARTS, None, "first map"),
    "finetune": (finetune_job, ("released", "lean"), "released", "released"),
}


def milliseconds(job, work):
    warm_ups, runs = CYCLES[work]
    times = []
    for _ in range(warm_ups + runs):
        start = time.perf_counter()
        job()
        times.append((time.perf_counter() - start) * 1e3)
    return times[warm_ups:]


def report_time(name, work, as_json):
    make, forms, counts, _ = WORKS[work]
    times = {form: milliseconds(make(name, form), work) for form in forms}
    form = counts or min(times, key=lambda form: min(times[form]))
    threads = torch.get_num_threads()
    for shown in forms if counts else (form,):
        low, median = min(times[shown]), statistics.median(times[shown])
        if as_json:
            who = "pytorch" if shown == form else "pytorch " + shown
            line = {"implementation": who, "work": work, "model": name, "threads": threads}
            line |= {"min_ms": round(low, 2), "median_ms": round(median, 2), "torch": torch.__version__}
            print(json.dumps(line, separators=(",", ":")), flush=True)
        else:
            print(f"{name:<7} min {low:8.2f} ms   median {median:8.2f} ms   ({shown}, {threads} threads)")


def report_memory(name, work, as_json):
    make, _, _, form = WORKS[work]
    make(name, form)()
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    if as_json:
        line = {"implementation": "pytorch", "work": work, "model": name, "peak_mb": round(peak)}
        print(json.dumps(line, separators=(",", ":")))
    else:
        print(f"{name:<7} peak resident memory {peak:.0f} MB ({form})")


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
    parser.add_argument("--work", choices=WORKS, default="explain", help="default: explain")
    parser.add_argument("--model", choices=MODELS, help="time this model only")
    parser.add_argument("--memory", metavar="MODEL", choices=MODELS, help="measure peak memory instead of time")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.memory:
        report_memory(arguments.memory, arguments.work, arguments.json)
    else:
        for name in [arguments.model] if arguments.model else MODELS:
            report_time(name, arguments.work, arguments.json)


if __name__ == "__main__":
    main()
