#!/usr/bin/env python3
"""The work of benches/gpu.sh in PyTorch eager, f32, on a CUDA device, as JSON lines.

Models and losses are those of pytorch_reference.py; here several images are explained at once, and the clock stops
only when the device is done. TF32 rounds the factors of matrix products to 11 bits: it is off by default, and
--tf32 turns it on.

  pytorch_gpu.py --name                                    the device's name
  pytorch_gpu.py --work explain --batch 8 --model ViT-B [--runs N] [--tf32]
"""

import argparse
import json
import statistics
import sys
import time

import pytorch_reference as reference
import torch


def explain_job(name, batch):
    torch.manual_seed(0)
    model = reference.VisionTransformer(*reference.MODELS[name]).eval().requires_grad_(False)
    images = torch.randn(batch, 3, reference.SIDE, reference.SIDE)

    def explain():
        logits, maps = model(images)
        gradients = torch.autograd.grad(logits.max(1).values.sum(), maps)
        with torch.no_grad():
            return reference.relevance_rows(maps, gradients, "lean").cpu()

    return explain


def finetune_job(name, batch):
    reference.BATCH = batch
    return reference.finetune_job(name, "lean")


JOBS = {"explain": explain_job, "finetune": finetune_job}


def milliseconds(job, work, runs):
    warm_ups = reference.CYCLES[work][0]
    times = []
    for _ in range(warm_ups + runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        job()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    return times[warm_ups:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", action="store_true", help="print the device's name")
    parser.add_argument("--work", choices=JOBS, default="explain")
    parser.add_argument("--model", choices=reference.MODELS, default="ViT-B")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--tf32", action="store_true", help="allow TF32 in matrix products and convolutions")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no CUDA device")
    if arguments.name:
        print(torch.cuda.get_device_name())
        return
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = arguments.tf32
    torch.backends.cudnn.allow_tf32 = arguments.tf32
    times = milliseconds(JOBS[arguments.work](arguments.model, arguments.batch), arguments.work, arguments.runs)
    line = {"implementation": "pytorch tf32" if arguments.tf32 else "pytorch", "work": arguments.work}
    line |= {"model": arguments.model, "batch": arguments.batch, "torch": torch.__version__}
    line |= {"min_ms": round(min(times), 2), "median_ms": round(statistics.median(times), 2)}
    print(json.dumps(line, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
