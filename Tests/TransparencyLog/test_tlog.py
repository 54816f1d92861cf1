"""The second verifier against published vectors, the recorded log and tampered copies. Where the
product is built (TACIT_PROGRAMS names the folder of its programs), `tacit verify` must say the same
of every copy."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import ed25519
import tlog
from tlog import Refused

VECTORS = pathlib.Path(__file__).parent.parent / "Vectors" / "transparency-log"
OWN = VECTORS / "own"
LOG_SEED = bytes([1] * 32)
LOG_NAME = "log.example/consent"
WITNESS_SEEDS = {f"witness.example/w{n}": bytes([100 + n] * 32) for n in (1, 2, 3)}
PROGRAMS = os.environ.get("TACIT_PROGRAMS")


def sign_note(text, name, seed, time=None):
    """A signature line."""
    key = tlog.Key(name, 1 if time is None else 4, ed25519.public_key(seed))
    message, prefix = text.encode(), b""
    if time is not None:
        prefix = time.to_bytes(8, "big")
        message = f"cosignature/v1\ntime {time}\n".encode() + message
    data = base64.b64encode(key.id + prefix + ed25519.sign(seed, message)).decode()
    return f"{tlog.EM_DASH} {name} {data}\n"


def checkpoint(size, root, origin=LOG_NAME, name=None, seed=LOG_SEED, witnesses=(1, 2)):
    """A signed and cosigned checkpoint."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    note = text + "\n" + sign_note(text, name or origin, seed)
    for number in witnesses:
        witness = f"witness.example/w{number}"
        note += sign_note(text, witness, WITNESS_SEEDS[witness], 1_768_050_000)
    return note.encode()


def leaves_of(folder):
    data = b"".join(
        (folder / tlog.tile_path("entries", index, width)).read_bytes()
        for index, width in ((0, 256), (1, 44))
    )
    return tlog.parse_bundle(data)


def write_log(folder, entries, note):
    """A whole log below a directory, made without the product."""
    for path in ("tile", "checkpoint"):
        target = folder / path
        shutil.rmtree(target, ignore_errors=True) if target.is_dir() else target.unlink(missing_ok=True)

    def write(path, data):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)

    hashes, level = [tlog.leaf_hash(entry) for entry in entries], 0
    for start in range(0, len(entries), 256):
        part = entries[start : start + 256]
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in part)
        write(tlog.tile_path("entries", start // 256, len(part)), bundle)
    while hashes:
        for start in range(0, len(hashes), 256):
            part = hashes[start : start + 256]
            write(tlog.tile_path(level, start // 256, len(part)), b"".join(part))
        hashes = [
            tlog.tree_hash(hashes[start : start + 256]) for start in range(0, len(hashes) - 255, 256)
        ]
        level += 1
    write("checkpoint", note)


def product(kind, path, *more):
    """Whether `tacit verify` accepts; `None` where the product is not built."""
    if not PROGRAMS:
        return None
    done = subprocess.run(
        [f"{PROGRAMS}/tacit", "verify", kind, str(path), "--policy", str(OWN / "policy"), *more],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode not in (0, 1):
        raise AssertionError(f"exit {done.returncode}: {done.stderr}")
    return done.returncode == 0


class Published(unittest.TestCase):
    def test_rfc_6962(self):
        vectors = json.loads((VECTORS / "rfc6962.json").read_text())
        leaves = [tlog.leaf_hash(bytes.fromhex(leaf)) for leaf in vectors["leaves"]]
        roots = [bytes.fromhex(root) for root in vectors["roots"]]
        self.assertEqual([tlog.tree_hash(leaves[:size]) for size in range(9)], roots)
        for proof in vectors["inclusion"]:
            path = [bytes.fromhex(hash) for hash in proof["path"]]
            index, size = proof["index"], proof["size"]
            tlog.verify_inclusion(index, size, leaves[index], path, roots[size])
            with self.assertRaises(Refused):
                tlog.verify_inclusion(index, size, leaves[(index + 1) % 8], path, roots[size])
        for proof in vectors["consistency"]:
            path = [bytes.fromhex(hash) for hash in proof["path"]]
            old, new = proof["old"], proof["new"]
            tlog.verify_consistency(old, new, roots[old], roots[new], path)
            with self.assertRaises(Refused):
                tlog.verify_consistency(old, new, roots[old - 1], roots[new], path)

    def test_notes(self):
        for vector in json.loads((VECTORS / "notes.json").read_text())["notes"]:
            key = tlog.Key.parse(vector["key"])
            self.assertEqual(key.text, vector["key"])
            note = (vector["text"] + "\n" + vector["signature"] + "\n").encode()
            text, signatures = tlog.parse_note(note)
            self.assertTrue(key.claims(signatures[0]))
            key.verify(signatures[0], text)
            with self.assertRaises(Refused):
                key.verify(signatures[0], text + "\n")
            if "secret" in vector:
                name, _, data = vector["secret"].removeprefix("PRIVATE+KEY+").split("+", 2)
                line = sign_note(text, name, base64.b64decode(data)[1:])
                self.assertEqual(line, vector["signature"] + "\n")


class Recorded(unittest.TestCase):
    def setUp(self):
        self.policy = tlog.Policy((OWN / "policy").read_text())

    def test_log(self):
        old = (OWN / "checkpoint-100").read_bytes()
        self.assertEqual(tlog.verify_log(OWN, self.policy), 300)
        self.assertIn(product("log", OWN), (True, None))
        # The earlier checkpoint has no cosignatures: one key decides.
        alone = tlog.Policy(f"log {self.policy.logs[0].text}\nquorum none\n")
        self.assertEqual(tlog.verify_log(OWN, alone, old), 300)

    def test_proofs(self):
        entries = leaves_of(OWN)
        for index in (0, 150, 255, 256, 299):
            file = OWN / f"entry-{index}.tlog-proof"
            found, leaf = tlog.verify_proof(file.read_bytes(), self.policy)
            self.assertEqual((found, leaf), (index, entries[index]))
            self.assertIn(product("proof", file), (True, None))
            with self.assertRaises(Refused):
                tlog.verify_proof(file.read_bytes(), self.policy, entries[(index + 1) % 300])

    def test_consistency(self):
        path = [
            base64.b64decode(line)
            for line in (OWN / "consistency-100-300").read_text().splitlines()
        ]
        old = tlog.parse_checkpoint(tlog.parse_note((OWN / "checkpoint-100").read_bytes())[0])
        new = self.policy.verify((OWN / "checkpoint").read_bytes())
        tlog.verify_consistency(old[1], new[1], old[2], new[2], path)
        for broken in (path[1:], path[:-1], path + path[:1], [new[2]] + path[1:], path[::-1]):
            with self.assertRaises(Refused):
                tlog.verify_consistency(old[1], new[1], old[2], new[2], broken)

    def test_commitment(self):
        salt = base64.b64decode((OWN / "entry-41.salt").read_text())
        content = (OWN / "entry-41.content").read_bytes()
        hash = hashlib.sha256(b"tacit-commitment/v1\n" + salt + content).digest()
        line = f"commitment {base64.b64encode(hash).decode()}\n"
        self.assertIn(line, leaves_of(OWN)[41].decode())
        guess = hashlib.sha256(b"tacit-commitment/v1\n" + bytes(32) + content).digest()
        self.assertNotIn(base64.b64encode(guess).decode(), leaves_of(OWN)[41].decode())


class Copies(unittest.TestCase):
    """Copies of the recorded log, each changed in one way."""

    def setUp(self):
        self.policy = tlog.Policy((OWN / "policy").read_text())
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.entries = leaves_of(OWN)
        self.compared = 0

    def copy(self):
        copy = self.folder / "log"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(OWN, copy)
        return copy

    def decide(self, copy, expected, what):
        try:
            tlog.verify_log(copy, self.policy)
            accepted = True
        except Refused:
            accepted = False
        self.assertEqual(accepted, expected, what)
        theirs = product("log", copy)
        self.assertIn(theirs, (expected, None), f"the product says otherwise of {what}")

    def test_untouched(self):
        self.decide(self.copy(), True, "an untouched copy")

    def test_bit_flips_and_cuts(self):
        for path in sorted(OWN.glob("tile/**/*")) + [OWN / "checkpoint"]:
            if not path.is_file():
                continue
            data, name = path.read_bytes(), path.relative_to(OWN)
            for position in {0, len(data) // 3, len(data) // 2, len(data) - 1}:
                copy = self.copy()
                changed = bytearray(data)
                changed[position] ^= 1
                (copy / name).write_bytes(changed)
                self.decide(copy, False, f"{name} with a bit of byte {position} flipped")
            for count in {0, 1, len(data) // 2, len(data) - 1}:
                copy = self.copy()
                (copy / name).write_bytes(data[:count])
                self.decide(copy, False, f"{name} cut after {count} bytes")
            copy = self.copy()
            (copy / name).unlink()
            self.decide(copy, False, f"{name} removed")

    def test_order(self):
        root = self.policy.verify((OWN / "checkpoint").read_bytes())[2]
        for what, order in (
            ("two entries swapped", [1, 0, *range(2, 300)]),
            ("all entries reversed", list(range(299, -1, -1))),
            ("an entry repeated", [0, 0, *range(2, 300)]),
        ):
            copy = self.copy()
            write_log(copy, [self.entries[index] for index in order], checkpoint(300, root))
            self.decide(copy, False, what)
        # Swapped bundles and swapped tiles, whole files.
        for level in ("entries", "0"):
            copy = self.copy()
            a, b = copy / "tile" / level / "000", copy / "tile" / level / "001.p" / "44"
            first, second = a.read_bytes(), b.read_bytes()
            a.write_bytes(second)
            b.write_bytes(first)
            self.decide(copy, False, f"swapped files of tile/{level}")

    def test_rewritten(self):
        """Logs that are whole in themselves: only signatures and checkpoints can tell."""
        other = list(self.entries)
        other[7] = other[7].replace(b"test.act", b"test.lie")
        root = tlog.tree_hash([tlog.leaf_hash(entry) for entry in other])
        real = tlog.tree_hash([tlog.leaf_hash(entry) for entry in self.entries])
        copy = self.copy()
        write_log(copy, other, (OWN / "checkpoint").read_bytes())
        self.decide(copy, False, "an entry rewritten under the old checkpoint")
        write_log(copy, other, checkpoint(300, root, seed=bytes([2] * 32)))
        self.decide(copy, False, "a rewritten log signed with another key of that name")
        write_log(copy, other, checkpoint(300, root, witnesses=(1,)))
        self.decide(copy, False, "a rewritten log with too few witnesses")
        write_log(copy, self.entries, checkpoint(300, real, origin="log.example/other"))
        self.decide(copy, False, "a log of another origin")
        write_log(copy, self.entries, checkpoint(300, real, origin="log.example/other", name=LOG_NAME))
        self.decide(copy, False, "another origin under the right key's name")
        write_log(copy, self.entries[:299], checkpoint(300, real))
        self.decide(copy, False, "a log without its last entry")
        write_log(copy, self.entries, checkpoint(300, real))
        self.decide(copy, True, "a log that was written anew, the same")
        write_log(copy, self.entries[:-1], checkpoint(299, tlog.tree_hash(
            [tlog.leaf_hash(entry) for entry in self.entries[:-1]])))
        self.decide(copy, True, "an earlier state of the log, by itself")
        write_log(copy, other, checkpoint(300, root))
        self.decide(copy, True, "a fork, by itself: only a witness or an earlier checkpoint tells")

    def test_forked_and_rolled_back(self):
        """What an earlier checkpoint that somebody kept says of a later copy."""
        hashes = [tlog.leaf_hash(entry) for entry in self.entries]
        kept = self.folder / "kept"
        kept.write_bytes(checkpoint(100, tlog.tree_hash(hashes[:100])))
        other = list(self.entries)
        other[7] = other[7].replace(b"test.act", b"test.lie")
        fork = checkpoint(300, tlog.tree_hash([tlog.leaf_hash(entry) for entry in other]))
        early = checkpoint(60, tlog.tree_hash(hashes[:60]))
        for what, entries, note, expected in (
            ("the log itself", self.entries, checkpoint(300, tlog.tree_hash(hashes)), True),
            ("a fork", other, fork, False),
            ("a rollback", self.entries[:60], early, False),
        ):
            copy = self.copy()
            write_log(copy, entries, note)
            try:
                tlog.verify_log(copy, self.policy, kept.read_bytes())
                accepted = True
            except Refused:
                accepted = False
            self.assertEqual(accepted, expected, what)
            self.assertIn(product("log", copy, "--after", str(kept)), (expected, None), what)

    def test_checkpoints(self):
        """Signatures: missing, doubled, of others, malformed."""
        note = (OWN / "checkpoint").read_bytes().decode()
        text, lines = note.split("\n\n")
        log, w1, w2 = lines.splitlines()
        w3 = sign_note(text + "\n", "witness.example/w3", WITNESS_SEEDS["witness.example/w3"], 5)[:-1]
        stranger = sign_note(text + "\n", "witness.example/w9", bytes([9] * 32), 5)[:-1]
        longer = text.replace("\n300\n", "\n301\n") + "\n"
        for what, signatures, expected in (
            ("all three", [log, w1, w2], True),
            ("two other witnesses", [log, w2, w3], True),
            ("more than needed", [w3, w2, log, w1], True),
            ("a stranger beside them", [log, w1, w2, stranger], True),
            ("a signature twice", [log, w1, w2, w2], True),
            ("no log", [w1, w2], False),
            ("one witness", [log, w1], False),
            ("one witness twice", [log, w1, w1], False),
            ("a stranger as second", [log, w1, stranger], False),
            ("no signature", [], False),
            ("a false third witness", [log, w1, w2, sign_note(
                longer, "witness.example/w3", WITNESS_SEEDS["witness.example/w3"], 5)[:-1]], False),
            ("two dashes", [log, w1, w2.replace(tlog.EM_DASH, "--")], False),
            ("a tab", [log, w1, w2.replace(" ", "\t", 1)], False),
            ("a space behind", [log, w1, w2 + " "], False),
            ("no padding", [log, w1, w2.rstrip("=")], False),
        ):
            file = self.folder / "checkpoint"
            file.write_text(text + "\n\n" + "".join(line + "\n" for line in signatures))
            try:
                self.policy.verify(file.read_bytes())
                accepted = True
            except Refused:
                accepted = False
            self.assertEqual(accepted, expected, what)
            self.assertIn(product("checkpoint", file), (expected, None), what)

    def test_proof_files(self):
        data = (OWN / "entry-256.tlog-proof").read_bytes()
        lines = data.split(b"\n")
        swapped = lines[:3] + [lines[4], lines[3]] + lines[5:]
        file = self.folder / "proof"
        copies = [("its hashes swapped", b"\n".join(swapped))]
        copies += [(f"cut after {count}", data[:count]) for count in range(0, len(data), 97)]
        # Bytes of the leaf, of the path and of the checkpoint.
        for position in range(0, len(data) - 1, 61):
            changed = bytearray(data)
            changed[position] ^= 1
            copies.append((f"byte {position} changed", bytes(changed)))
        copies.append(("another index", data.replace(b"\nindex 256\n", b"\nindex 255\n")))
        copies.append(("an index with a zero", data.replace(b"\nindex 256\n", b"\nindex 0256\n")))
        for what, changed in copies:
            file.write_bytes(changed)
            with self.assertRaises(Refused, msg=what):
                tlog.verify_proof(changed, self.policy)
            self.assertIn(product("proof", file), (False, None), what)


if __name__ == "__main__":
    unittest.main()
