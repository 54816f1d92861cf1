"""Holds what was measured to Benchmarks/thresholds.json."""

import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parent / "thresholds.json"


def verdicts(part, keys):
    """Prints a line for each key and answers how many thresholds of `part` are missed."""
    thresholds = json.loads(FILE.read_text())[part]
    missed = 0
    for key, bound in thresholds.items():
        if key not in keys:
            print(f"  {'-':6}{key:34}not measured")
            missed += 1
            continue
        value = keys[key]
        at_least = bound.get("at_least")
        passes = value >= at_least if at_least is not None else value <= bound["at_most"]
        missed += not passes
        text = f">= {at_least:,}" if at_least is not None else f"<= {bound['at_most']:,}"
        print(f"  {'pass' if passes else 'miss':6}{key:34}{value:>14,.3f}   {text}")
    for key in sorted(set(keys) - set(thresholds)):
        print(f"  {'':6}{key:34}{keys[key]:>14,.3f}")
    return missed
