#!/usr/bin/env python3
"""Does finetuning make a model lean less on backgrounds? Losses beside each other, several seeds, as a Markdown table.

  backgrounds.py --model deit_tiny.safetensors --train train --val val --work work

TRAIN and VAL hold `images/CLASS/…` and `masks/CLASS/…`. Each loss gets the learning rate that does best in a fourfold
cross-validation within TRAIN, where it is judged on each quarter after learning from the other three: the highest sum of
the accuracies on the photo as it is and on another class's background, the lower rate where two do as well. With it it
then learns from all of TRAIN, once per seed, and is judged on VAL. VAL chooses nothing.
Needs Python's standard library and a built `vitrine`.
"""

import argparse
import concurrent.futures
import json
import pathlib
import shutil
import statistics
import subprocess

# The paper's weight of the mask terms; for the baselines, whose gradients have another scale, one that makes the term
# weigh about as much as the classification.
METHODS = {
    "relevance": ("--method", "relevance"),
    "gradmask": ("--method", "gradmask", "--lambda-seg", "100"),
    "rrr": ("--method", "rrr", "--lambda-seg", "1e-9"),
    "cross-entropy": ("--method", "cross-entropy"),
    "relevance, swapped": ("--method", "relevance", "--swap-backgrounds", "0.5"),
    "cross-entropy, swapped": ("--method", "cross-entropy", "--swap-backgrounds", "0.5"),
}
RATES = ("1e-5", "3e-5", "1e-4")
FOLDS = 4
FIGURES = {
    "background.original.top_1": "as it is",
    "background.same_class.top_1": "same class",
    "background.other_class.top_1": "other class",
    "background.background_only.top_1": "background alone",
    "relevance_mass": "relevance on the object",
}


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = pathlib.Path(arguments.work)

    def vitrine(self, *words):
        command = [self.arguments.vitrine, *map(str, words), "--device", self.arguments.device]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        return done.stdout

    def finetune(self, method, rate, seed, photos, name):
        """The weights after the last step."""
        run, epochs = self.work / name.replace(", ", "-"), self.arguments.epochs
        shutil.rmtree(run, ignore_errors=True)
        self.vitrine(
            "finetune", "--model", self.arguments.model, "--images", photos / "images", "--masks", photos / "masks",
            "--out", run, "--preset", "deit-s", *METHODS[method], "--lr", rate, "--seed", seed, "--epochs", epochs, "--per-class", 0, "--validation-per-class", 0, "--checkpoint-epochs", epochs, "--guards", "false",
        )  # fmt: skip
        return sorted(run.glob("checkpoints/step-*"))[-1] / "model.safetensors"

    def evaluate(self, model, photos):
        out = self.vitrine(
            "evaluate", "--model", model, "--images", photos / "images", "--masks", photos / "masks", "--out", "-",
            "--resamples", 0, "--json",
        )  # fmt: skip
        return {row["key"]: row["value"] for row in json.loads(out)["rows"] if row["key"] in FIGURES}

    def fold(self, number):
        """The training photos without every fourth of a class from photo `number` on, and those."""
        kept, left_out = self.work / f"three-quarters-{number}", self.work / f"quarter-{number}"
        source = pathlib.Path(self.arguments.train)
        for folder in (kept, left_out):
            shutil.rmtree(folder, ignore_errors=True)
        for of_class in sorted((source / "images").iterdir()):
            for index, photo in enumerate(sorted(of_class.iterdir())):
                target = left_out if index % FOLDS == number else kept
                for kind, name in (("images", photo.name), ("masks", photo.stem + ".png")):
                    (target / kind / of_class.name).mkdir(parents=True, exist_ok=True)
                    shutil.copy(source / kind / of_class.name / name, target / kind / of_class.name)
        return kept, left_out

    def run(self):
        seeds = range(self.arguments.seeds)
        folds = [self.fold(number) for number in range(FOLDS)]
        train, val = pathlib.Path(self.arguments.train), pathlib.Path(self.arguments.val)
        with concurrent.futures.ThreadPoolExecutor(self.arguments.jobs) as pool:
            before = pool.submit(self.evaluate, self.arguments.model, val)

            def score(method, rate, number):
                kept, left_out = folds[number]
                found = self.evaluate(self.finetune(method, rate, 0, kept, f"choose-{method}-{rate}-{number}"), left_out)
                return found["background.original.top_1"] + found["background.other_class.top_1"]

            scores = {
                (method, rate): [pool.submit(score, method, rate, number) for number in range(FOLDS)]
                for method in METHODS for rate in RATES
            }  # fmt: skip
            scores = {key: statistics.mean(future.result() for future in futures) for key, futures in scores.items()}
            for (method, rate), mean in scores.items():
                print(f"{method}, rate {rate}: {mean:.3f} in the cross-validation", flush=True)
            chosen = {method: max(RATES, key=lambda rate: scores[method, rate]) for method in METHODS}

            def judge(method, seed):
                found = self.evaluate(self.finetune(method, chosen[method], seed, train, f"{method}-{seed}"), val)
                print(f"{method}, seed {seed}: {json.dumps(found)}", flush=True)
                return found

            after = {(method, seed): pool.submit(judge, method, seed) for method in METHODS for seed in seeds}
            rows = [("before", "", [before.result()])]
            rows += [(method, chosen[method], [after[method, seed].result() for seed in seeds]) for method in METHODS]
        print("\n| | rate |", " | ".join(FIGURES.values()), "|\n|---|---|" + "---:|" * len(FIGURES))
        for method, rate, results in rows:
            figures = " | ".join(cell([result[f] for result in results]) for f in FIGURES)
            print(f"| {method} | {rate} | {figures} |")


def cell(values):
    """Per cent, with the lowest and the highest of several."""
    mean = f"{100 * statistics.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ({100 * min(values):.1f} … {100 * max(values):.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--val", required=True)
    parser.add_argument("--work", required=True, help="folder for the runs")
    parser.add_argument("--vitrine", default="target/release/vitrine")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    Bench(parser.parse_args()).run()


if __name__ == "__main__":
    main()
