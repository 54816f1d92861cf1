"""The second verifier of evidence on recorded files and on tampered copies. Where the product is built
(TACIT_PROGRAMS names the folder of its programs), `tacit verify evidence` must say the same."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import evidence
import tlog
from tlog import Refused

FOLDER = pathlib.Path(__file__).parent.parent / "Vectors" / "consent-evidence"
PROGRAMS = os.environ.get("TACIT_PROGRAMS")


def field(number, value):
    """One field of a message, as it is written."""

    def varint(value):
        data = bytearray()
        while True:
            data.append(value & 0x7F | (0x80 if value > 0x7F else 0))
            value >>= 7
            if not value:
                return bytes(data)

    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64) if value else b""
    return varint(number << 3 | 2) + varint(len(value)) + value


def write(message, fields):
    """A message in the one way in which it is written."""
    data = b""
    for number, (name, kind) in sorted(fields.items()):
        value = message[name]
        if isinstance(kind, list):
            data += b"".join(field(number, write(each, kind[0])) for each in value)
        elif isinstance(kind, dict):
            data += b"" if value is None else field(number, write(value, kind))
        elif value:
            data += field(number, value.encode() if kind == "text" else value)
    return data


class Recorded(unittest.TestCase):
    def setUp(self):
        self.policy = tlog.Policy((FOLDER / "policy").read_text())
        self.answers = json.loads((FOLDER / "answers.json").read_text())
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.compared = 0

    def product(self, data):
        """Whether `tacit verify evidence` accepts; `None` where the product is not built."""
        if not PROGRAMS:
            return None
        path = self.folder / "copy"
        path.write_bytes(data)
        command = [f"{PROGRAMS}/tacit", "verify", "evidence", str(path)]
        done = subprocess.run(
            command + ["--policy", str(FOLDER / "policy")], capture_output=True, text=True, timeout=60
        )
        if done.returncode not in (0, 1):
            raise AssertionError(f"exit {done.returncode}: {done.stderr}")
        return done.returncode == 0

    def decide(self, data, expected, what, compare=True):
        try:
            evidence.verify_evidence(data, self.policy)
            accepted = True
        except Refused:
            accepted = False
        self.assertEqual(accepted, expected, what)
        if compare:
            self.assertIn(self.product(data), (expected, None), f"the product says otherwise of {what}")

    def test_good(self):
        self.assertEqual(len(self.answers), len(list(FOLDER.glob("*.evidence"))))
        for name, answer in self.answers.items():
            data = (FOLDER / name).read_bytes()
            self.decide(data, True, name)
            found = evidence.verify_evidence(data, self.policy)
            self.assertEqual(evidence.REASONS[found["answer"]["reason"]], answer, name)
            self.assertLessEqual(len(data), 4096, name)
            # What the tests below write is what the service writes.
            self.assertEqual(write(found, evidence.EVIDENCE), data, name)

    def test_each_bit_of_each_byte(self):
        for name in self.answers:
            data = (FOLDER / name).read_bytes()
            for position in range(len(data)):
                changed = bytearray(data)
                changed[position] ^= 1 << position % 8
                self.decide(bytes(changed), False, f"{name}, byte {position}", position % 97 == 0)
            for count in (0, 1, len(data) // 2, len(data) - 1):
                self.decide(data[:count], False, f"{name} cut after {count}")
            self.decide(data + b"\0", False, f"{name} with a byte more")
            self.decide(data + field(99, 1), False, f"{name} with a field more")

    def changes(self, message, fields, path=""):
        """Copies of a message with one field changed, at any depth."""
        for name, kind in fields.values():
            value, place = message[name], f"{path}{name}"
            if isinstance(kind, list):
                for index, each in enumerate(value):
                    rest = value[:index], value[index + 1 :]
                    yield f"{place} {index} removed", {**message, name: rest[0] + rest[1]}
                    yield f"{place} {index} twice", {**message, name: value[: index + 1] + value[index:]}
                    for what, inner in self.changes(each, kind[0], f"{place}[{index}]."):
                        yield what, {**message, name: rest[0] + [inner] + rest[1]}
            elif isinstance(kind, dict):
                if value is None:
                    continue
                yield place + " removed", {**message, name: None}
                for what, inner in self.changes(value, kind, place + "."):
                    yield what, {**message, name: inner}
            elif kind == "number":
                for other in (value + 1, value - 1, 0):
                    if other != value:
                        yield f"{place} {other}", {**message, name: other}
            else:
                one = "x" if kind == "text" else b"x"
                yield place + " longer", {**message, name: value + one}
                if value:
                    yield place + " removed", {**message, name: value[:0]}
                    yield place + " shorter", {**message, name: value[:-1]}

    def test_each_field(self):
        count = 0
        for name in self.answers:
            good = evidence.parse((FOLDER / name).read_bytes(), evidence.EVIDENCE)
            for what, changed in self.changes(good, evidence.EVIDENCE):
                self.decide(write(changed, evidence.EVIDENCE), False, f"{name}, {what}")
                count += 1
        self.assertGreater(count, 200)

    def test_parts_of_others(self):
        parts = ("pid", "answer", "standing", "receipt", "newest", "successor", "checkpoint", "signature", "renamings")
        all = {
            name: evidence.parse((FOLDER / name).read_bytes(), evidence.EVIDENCE)
            for name in self.answers
        }
        for name, good in all.items():
            for other, giver in all.items():
                for part in parts:
                    if good[part] == giver[part]:
                        continue
                    mixed = write({**good, part: giver[part]}, evidence.EVIDENCE)
                    self.decide(mixed, False, f"{name} with the {part} of {other}", compare=False)

    def test_other_keys(self):
        data = (FOLDER / "granted.evidence").read_bytes()
        key = tlog.Key(self.policy.logs[0].name, 1, bytes(32))
        with self.assertRaises(Refused):
            evidence.verify_evidence(data, tlog.Policy(f"log {key.text}\nquorum none\n"))


if __name__ == "__main__":
    unittest.main()
