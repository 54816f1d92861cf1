"""The second verifier of certificates of erasure on the recorded one and on tampered copies. Where the
product is built (TACIT_PROGRAMS names the folder of its programs), `tacit verify certificate` must say
the same."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import certificate
import tlog
from tlog import Refused

FOLDER = pathlib.Path(__file__).parent.parent / "Vectors" / "erasure-certificates"
PROGRAMS = os.environ.get("TACIT_PROGRAMS")


class Recorded(unittest.TestCase):
    def setUp(self):
        self.policy = tlog.Policy((FOLDER / "policy").read_text())
        self.data = (FOLDER / "certificate.json").read_bytes()
        self.good = json.loads(self.data)
        self.folder = pathlib.Path(tempfile.mkdtemp())

    def decide(self, data, expected, what, policy=FOLDER / "policy", compare=True):
        try:
            certificate.verify_certificate(data, tlog.Policy(policy.read_text()))
            accepted = True
        except Refused:
            accepted = False
        self.assertEqual(accepted, expected, what)
        if PROGRAMS and compare:
            path = self.folder / "copy"
            path.write_bytes(data)
            command = [f"{PROGRAMS}/tacit", "verify", "certificate", str(path), "--policy", str(policy)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0 if expected else 1, f"{what}: {done.stderr}")

    def write(self, file):
        return json.dumps(file).encode()

    def test_good(self):
        self.decide(self.data, True, "the recorded file")
        self.decide(self.write(self.good), True, "the same, written in another way")
        self.assertEqual([each["service"] for each in self.good["stores"]], ["features", "trainer", "vault", "vectors"])

    def test_each_member(self):
        count = 0
        for name, value in self.good.items():
            missing = {key: other for key, other in self.good.items() if key != name}
            self.decide(self.write(missing), False, f"without {name}")
            if isinstance(value, list):
                changes = [value[:index] + value[index + 1 :] for index in range(len(value))]
                changes.append(value + value[:1])
                for index, each in enumerate(value):
                    if isinstance(each, dict):
                        for key, inner in each.items():
                            other = inner + 1 if isinstance(inner, (int, float)) else inner + "x"
                            changes.append(value[:index] + [each | {key: other}] + value[index + 1 :])
            else:
                changes = [value + "x", value[:-1], ""]
            for change in changes:
                self.decide(self.write(self.good | {name: change}), False, f"{name}: {change!r:.80}")
                count += 1
        self.assertGreater(count, 60)

    def test_each_character_of_each_note(self):
        def changed(text, position):
            return text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]

        note = self.good["certificate"]
        for position in range(len(note)):
            copy = self.good | {"certificate": changed(note, position)}
            self.decide(self.write(copy), False, f"character {position}", compare=position % 53 == 0)
        for index, note in enumerate(self.good["statements"]):
            for position in range(len(note)):
                others = list(self.good["statements"])
                others[index] = changed(note, position)
                copy = self.good | {"statements": others}
                what = f"statement {index}, character {position}"
                self.decide(self.write(copy), False, what, compare=position % 53 == 0)

    def test_other_keys(self):
        lines = (FOLDER / "policy").read_text().splitlines()
        for line in lines:
            if line.startswith("log "):
                path = self.folder / "policy"
                path.write_text("\n".join(other for other in lines if other != line) + "\n")
                self.decide(self.data, False, f"without {line[:24]}", policy=path)


if __name__ == "__main__":
    unittest.main()
