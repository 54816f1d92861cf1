#!/usr/bin/env python3
"""Writes key-tree.json: the key tree in a few lines, to compare the vault's with.

A node's children are HMAC-SHA256(node, "tacit key tree v1" | side), side 0 or 1; a slot's key is the
node 32 levels below the root, by the slot's bits from the highest on.
"""

import hashlib
import hmac
import json
import pathlib

DEPTH = 32
ROOT = bytes(range(32))
SLOTS = [0, 1, 2, 1023, 1024, 65_535, 1_000_000, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
DESTROYED = [[], [0], [5, 6], [0, 1, 2, 3], [7, 1_000_000, 0xFFFFFFFF], list(range(1000, 1030))]


def child(node, side):
    return hmac.new(node, b"tacit key tree v1" + bytes([side]), hashlib.sha256).digest()


def node(start, height):
    key = ROOT
    for bit in range(DEPTH - 1, height - 1, -1):
        key = child(key, start >> bit & 1)
    return key


def cover(destroyed, start=0, height=DEPTH):
    """The largest nodes with nothing destroyed below, as (start, height)."""
    below = [slot for slot in destroyed if start <= slot < start + (1 << height)]
    if not below:
        return [(start, height)]
    if height == 0:
        return []
    half = 1 << (height - 1)
    return cover(below, start, height - 1) + cover(below, start + half, height - 1)


here = pathlib.Path(__file__).parent
vectors = {
    "root": ROOT.hex(),
    "slots": [{"slot": slot, "key": node(slot, 0).hex()} for slot in SLOTS],
    "covers": [
        {"destroyed": slots,
         "nodes": [{"start": s, "height": h, "key": node(s, h).hex()} for s, h in cover(slots)]}
        for slots in DESTROYED
    ],
}
(here / "key-tree.json").write_text(json.dumps(vectors, indent=1) + "\n")
