"""A second verifier of transparency logs, from the specifications alone: RFC 6962 and 9162, C2SP
signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-proof and tlog-policy. Standard
library only.

    python3 tlog.py log DIRECTORY POLICY
    python3 tlog.py proof FILE POLICY
    python3 tlog.py checkpoint FILE POLICY
"""

import base64
import hashlib
import pathlib
import re
import sys

import ed25519

EM_DASH = "\u2014"


class Refused(Exception):
    """Something is not what it should be; the text says what."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def unbase64(text):
    """Strict: what does not encode back to the same text is refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("not Base64") from None
    require(base64.b64encode(data).decode() == text, "not canonical Base64")
    return data


def decimal(text):
    require(re.fullmatch("0|[1-9][0-9]{0,18}", text), "not a plain decimal number")
    number = int(text)
    require(number < 2**63, "a number too large")
    return number


def utf8(data, what):
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused(f"{what} is not UTF-8") from None


# --- The tree (RFC 6962, section 2.1; RFC 9162, section 2.1) ---


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_hash(hashes):
    """The root over leaf hashes, by the definition."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(tree_hash(hashes[:k]), tree_hash(hashes[k:]))


def root_from_inclusion(index, size, leaf, path):
    require(0 <= index < size, f"leaf {index} is not in a tree of {size}")
    position, last, result = index, size - 1, leaf
    for sibling in path:
        require(last, "an inclusion proof that is too long")
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        position >>= 1
        last >>= 1
    require(last == 0, "an inclusion proof that is too short")
    return result


def verify_inclusion(index, size, leaf, path, root):
    require(root_from_inclusion(index, size, leaf, path) == root, f"entry {index} is not included")


def verify_consistency(old_size, new_size, old_root, new_root, path):
    require(old_size <= new_size, "the log was rolled back")
    if old_size == 0 or old_size == new_size:
        wanted = tree_hash([]) if old_size == 0 and new_size else new_root
        require(not path and old_root == wanted, "the trees are not consistent")
        return
    path = list(path)
    if old_size & old_size - 1 == 0:
        path.insert(0, old_root)
    require(path, "a consistency proof that is too short")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    older = newer = path[0]
    for sibling in path[1:]:
        require(last, "a consistency proof that is too long")
        if position & 1 or position == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, sibling)
        position >>= 1
        last >>= 1
    require(last == 0 and older == old_root and newer == new_root, "the trees are not consistent")


# --- Notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ---


class Key:
    """A vkey: name, kind (1 note, 4 cosignature) and Ed25519 key."""

    def __init__(self, name, kind, public):
        require(name and "+" not in name and not re.search(r"\s", name), "a key's name")
        require(kind in (1, 4) and len(public) == 32, "a key's kind or length")
        self.name, self.kind, self.public = name, kind, public
        self.id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]

    @classmethod
    def parse(cls, text):
        parts = text.split("+", 2)
        require(len(parts) == 3 and re.fullmatch("[0-9a-fA-F]{8}", parts[1]), "a key's text")
        data = unbase64(parts[2])
        require(data, "a key's text")
        key = cls(parts[0], data[0], data[1:])
        require(key.id.hex() == parts[1].lower(), "a key's number is not its own")
        return key

    @property
    def text(self):
        data = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{data}"

    def claims(self, signature):
        return signature[0] == self.name and signature[1] == self.id

    def verify(self, signature, text):
        message, data = text.encode(), signature[2]
        if self.kind == 4:
            require(len(data) == 72, f"the signature of {self.name}")
            time = int.from_bytes(data[:8], "big")
            require(time < 2**63, f"the time of {self.name}")
            message, data = f"cosignature/v1\ntime {time}\n".encode() + message, data[8:]
        require(ed25519.verify(self.public, message, data), f"the signature of {self.name}")


def parse_note(data):
    """The text and the signatures (name, number, bytes) of a note."""
    require(len(data) <= 128 << 10, "a note too large")
    note = utf8(data, "a note")
    require(not re.search("[\x00-\x09\x0b-\x1f]", note), "a note with control characters")
    require(note.endswith("\n") and "\n\n" in note, "a note without signatures")
    split = note.rindex("\n\n") + 1
    text, lines = note[:split], note[split + 1 : -1].split("\n")
    require(len(lines) <= 64, "a note with too many signatures")
    signatures = []
    for line in lines:
        parts = line.split(" ")
        require(len(parts) == 3 and parts[0] == EM_DASH, "a signature line")
        require(parts[1] and "+" not in parts[1] and not re.search(r"\s", parts[1]), "a key's name")
        data = unbase64(parts[2])
        require(len(data) > 4, "a signature too short")
        signatures.append((parts[1], data[:4], data[4:]))
    return text, signatures


def parse_checkpoint(text):
    """Origin, size and root of a checkpoint's text."""
    lines = text.split("\n")
    require(len(lines) >= 4 and lines[-1] == "" and all(lines[:-1]), "a checkpoint's lines")
    root = unbase64(lines[2])
    require(len(root) == 32, "a root hash's length")
    return lines[0], decimal(lines[1]), root


class Policy:
    """A policy of C2SP tlog-policy."""

    def __init__(self, text):
        self.logs, self.witnesses, named, self.quorum = [], {}, {}, None
        for line in text.split("\n"):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log":
                self.logs.append(Key.parse(words[1]))
            elif words[0] == "witness":
                self.witnesses[words[1]] = Key.parse(words[2])
                named[words[1]] = lambda seen, name=words[1]: name in seen
            elif words[0] == "group":
                members = [named[name] for name in words[3:]]
                k = {"all": len(members), "any": 1}.get(words[2]) or decimal(words[2])
                require(1 <= k <= len(members), "a group's threshold")
                named[words[1]] = lambda seen, k=k, members=members: (
                    sum(member(seen) for member in members) >= k
                )
            elif words[0] == "quorum":
                self.quorum = (lambda seen: True) if words[1] == "none" else named[words[1]]
            else:
                raise Refused("a policy's line")
        require(self.quorum, "a policy without a quorum")

    def verify(self, note):
        """Origin, size and root of a signed checkpoint that the policy accepts."""
        text, signatures = parse_note(note)
        origin, size, root = parse_checkpoint(text)
        keys = [key for key in self.logs if key.name == origin]
        require(keys, f"the checkpoint is of log {origin}")
        signed = False
        for key in keys:
            for signature in signatures:
                if key.claims(signature):
                    key.verify(signature, text)
                    signed = True
        require(signed, "no trusted key of the log signed the checkpoint")
        seen = set()
        for name, key in self.witnesses.items():
            for signature in signatures:
                if key.claims(signature):
                    key.verify(signature, text)
                    seen.add(name)
        require(self.quorum(seen), "too few witnesses cosigned the checkpoint")
        return origin, size, root


# --- Files (C2SP tlog-proof, tlog-tiles) ---


def verify_proof(data, policy, leaf=None):
    """The index and the leaf that a proof file shows to be logged."""
    require(len(data) <= 256 << 10, "a proof too large")
    head, separator, note = data.partition(b"\n\n")
    require(separator, "a proof without a checkpoint")
    lines = utf8(head, "a proof").split("\n")
    require(lines.pop(0) == "c2sp.org/tlog-proof@v1", "a proof's heading")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = unbase64(lines.pop(0)[6:])
        require(extra, "a proof's extra line")
    require(lines and lines[0].startswith("index "), "a proof's index line")
    index = decimal(lines.pop(0)[6:])
    require(len(lines) <= 64, "a proof too long")
    path = [unbase64(line) for line in lines]
    require(all(len(hash) == 32 for hash in path), "a hash's length")
    _, size, root = policy.verify(note)
    leaf = extra if leaf is None else leaf
    require(leaf, "a proof without its leaf")
    verify_inclusion(index, size, leaf_hash(leaf), path, root)
    return index, leaf


def tile_path(level, index, width):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/" + "/".join(groups) + (f".p/{width}" if width < 256 else "")


def parse_bundle(data):
    entries = []
    while data:
        size = int.from_bytes(data[:2], "big")
        require(len(data) >= 2 + size, "a bundle that is cut off")
        entries.append(data[2 : 2 + size])
        data = data[2 + size :]
    return entries


def check_leaf(entry):
    """The form of a Tacit leaf: lines, in this order."""
    text = utf8(entry, "a leaf")
    hash = "[A-Za-z0-9+/]{43}="
    name = "[a-z][a-z0-9_.-]{0,63}"
    number = "(?:0|-?[1-9][0-9]*)"
    form = (
        f"tacit-leaf/v1\ntime {number}\naction {name}\ncommitment {hash}\n"
        f"(?:(?:reads|batch) {number} {hash}\n|gap {number} {number} {name}\n)?"
    )
    require(re.fullmatch(form, text), "a leaf that is none of a Tacit log")
    for word in re.findall(hash, text):
        unbase64(word)


def verify_log(folder, policy, old=None):
    """The size of a whole log below a directory; with `old`, an earlier checkpoint that it continues."""

    def read(path):
        file = folder / path
        require(file.is_file(), f"{path} is missing")
        return file.read_bytes()

    def tile(level, index, width):
        path = tile_path(level, index, width)
        if width < 256 and not (folder / path).is_file():
            path = tile_path(level, index, 256)
        return path, read(path)

    origin, size, root = policy.verify(read("checkpoint"))
    leaves, level, wanted = [], 0, None
    while count := size >> 8 * level:
        hashes = []
        for index in range((count + 255) // 256):
            width = min(256, count - 256 * index)
            path, data = tile(level, index, width)
            full = width if path.endswith(f".p/{width}") else 256
            require(len(data) == 32 * full, f"{path} has another length")
            hashes += [data[start : start + 32] for start in range(0, 32 * width, 32)]
            if level:
                continue
            path, data = tile("entries", index, width)
            entries = parse_bundle(data)
            require(len(entries) == (width if ".p/" in path else 256), f"{path} has another count")
            for offset, entry in enumerate(entries[:width]):
                check_leaf(entry)
                number = 256 * index + offset
                require(leaf_hash(entry) == hashes[number], f"{path}: entry {number} was changed")
                leaves.append(hashes[number])
        require(wanted is None or hashes == wanted, f"a tile of level {level} was changed")
        wanted = [tree_hash(hashes[start : start + 256]) for start in range(0, len(hashes) - 255, 256)]
        level += 1
    require(tree_hash(leaves) == root, "the checkpoint's root is another")
    if old is not None:
        old_origin, old_size, old_root = policy.verify(old)
        require(old_origin == origin, "the earlier checkpoint is of another log")
        require(old_size <= size, "the log was rolled back")
        require(tree_hash(leaves[:old_size]) == old_root, "the log was forked")
    return size


def main(arguments):
    kind, path, policy = arguments
    policy = Policy(pathlib.Path(policy).read_text())
    path = pathlib.Path(path)
    try:
        if kind == "log":
            print(f"{verify_log(path, policy)} entries")
        elif kind == "proof":
            print(f"entry {verify_proof(path.read_bytes(), policy)[0]}")
        else:
            print(f"{policy.verify(path.read_bytes())[1]} entries")
    except Refused as reason:
        sys.exit(f"refused: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
