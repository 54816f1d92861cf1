"""A second verifier of evidence of consent (`tacit-consent check --proof`), from the schema and the
documents alone. Standard library only.

    python3 evidence.py FILE POLICY
"""

import base64
import hashlib
import pathlib
import re
import sys

import tlog
from tlog import Refused, require

# Fields of the messages in Protos/consent/v1 and Protos/audit/v1: number -> (name, kind).
ANSWER = {
    1: ("granted", "number"),
    2: ("reason", "number"),
    3: ("consent_id", "text"),
    4: ("expires_at_us", "number"),
    5: ("sequence", "number"),
}
LOGGED = {
    1: ("place", "number"),
    2: ("salt", "bytes"),
    3: ("content", "bytes"),
    4: ("path", "bytes"),
    5: ("batch", "bytes"),
    6: ("member", "number"),
    7: ("batch_path", "bytes"),
}
RENAMING = {1: ("receipt", "bytes"), 2: ("entry", LOGGED)}
EVIDENCE = {
    1: ("pid", "bytes"),
    2: ("scope", "text"),
    3: ("at_us", "number"),
    4: ("answer", ANSWER),
    5: ("standing", "bytes"),
    6: ("receipt", "bytes"),
    7: ("newest", LOGGED),
    8: ("successor", LOGGED),
    9: ("last_receipt_note", "bytes"),
    10: ("checkpoint", "bytes"),
    11: ("signature", "bytes"),
    12: ("renamings", [RENAMING]),
}
STATEMENT = {
    1: ("pid", "bytes"),
    2: ("sequence", "number"),
    3: ("person_sequence", "number"),
    4: ("recorded_at_us", "number"),
    5: ("receipt_hash", "bytes"),
    6: ("state_hash", "bytes"),
    7: ("previous_hash", "bytes"),
}
RECORD = {
    1: ("number", "number"),
    2: ("at_us", "number"),
    4: ("action", "text"),
    6: ("pids", ["bytes"]),
    10: ("statement", "bytes"),
}
SCOPE = {
    1: ("scope", "text"),
    2: ("kind", "number"),
    3: ("consent_id", "text"),
    4: ("granted_at_us", "number"),
    5: ("expires_at_us", "number"),
    10: ("restricted_by", "text"),
    12: ("restricted_sequence", "number"),
    13: ("receipt_hash", "bytes"),
    14: ("restricted_hash", "bytes"),
}
STATE = {
    1: ("receipt_count", "number"),
    2: ("last_sequence", "number"),
    3: ("erasure_sequence", "number"),
    4: ("scopes", [SCOPE]),
    5: ("last_hash", "bytes"),
}
RECEIPT = {
    1: ("consent_id", "text"),
    2: ("pid", "bytes"),
    8: ("kind", "number"),
    13: ("person_sequence", "number"),
    15: ("former_pid", "bytes"),
}
KIND_RENAMING = 8

GRANTED, NEVER_ASKED, WITHDRAWN, EXPIRED, NOT_YET, ERASED, DENIED, RESTRICTED, OBJECTED = range(1, 10)
REASONS = {
    GRANTED: "granted",
    NEVER_ASKED: "never asked",
    WITHDRAWN: "withdrawn",
    EXPIRED: "expired",
    NOT_YET: "not yet valid",
    ERASED: "erased",
    DENIED: "denied",
    RESTRICTED: "restricted",
    OBJECTED: "objected",
}


def varint(data, start):
    value = shift = 0
    while True:
        require(start < len(data) and shift < 70, "a message that is cut off")
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            require(byte or shift == 7, "a number with needless bytes")
            require(value < 2**64, "a number too large")
            return value, start


def parse(data, fields, strict=True):
    """A message's fields by name. With `strict` there is one way to write each message: ascending
    fields, nothing that is empty, nothing unknown."""
    message = {}
    for name, kind in fields.values():
        if isinstance(kind, list):
            message[name] = []
        else:
            message[name] = {"number": 0, "text": "", "bytes": b""}.get(kind) if isinstance(kind, str) else None
    position, last = 0, 0
    while position < len(data):
        tag, position = varint(data, position)
        number, wire = tag >> 3, tag & 7
        require(wire in (0, 2), "a field of another type")
        if wire == 0:
            value, position = varint(data, position)
        else:
            size, position = varint(data, position)
            require(position + size <= len(data), "a message that is cut off")
            value = data[position : position + size]
            position += size
        if number not in fields:
            require(not strict, "a field that nobody knows")
            continue
        name, kind = fields[number]
        repeated = isinstance(kind, list)
        require(not strict or number > last or repeated and number == last, "fields out of order")
        last = number
        kind = kind[0] if repeated else kind
        require((wire == 0) == (kind == "number"), "a field of another type")
        if kind == "number":
            require(not strict or value, "an empty field")
            value = value - 2**64 if value >= 2**63 else value
        elif isinstance(kind, dict):
            value = parse(value, kind, strict)
        else:
            require(not strict or value, "an empty field")
            value = tlog.utf8(value, name) if kind == "text" else value
        if repeated:
            message[name].append(value)
        else:
            message[name] = value
    return message


def hashes(data):
    require(len(data) % 32 == 0 and len(data) <= 64 * 32, "the path of a proof")
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def commitment(entry):
    require(len(entry["salt"]) == 32, "a salt's length")
    return hashlib.sha256(b"tacit-commitment/v1\n" + entry["salt"] + entry["content"]).digest()


def encode64(data):
    return base64.b64encode(data).decode()


def without(data, field):
    """A message without one of its fields, which it has once."""
    position, parts = 0, []
    while position < len(data):
        start = position
        tag, position = varint(data, position)
        if tag & 7 == 0:
            _, position = varint(data, position)
        else:
            size, position = varint(data, position)
            position += size
        if tag >> 3 != field:
            parts.append(data[start:position])
    return b"".join(parts)


class Names:
    """The pids of a person in their order, joined by renamings that are in the log."""

    def __init__(self, pid, renamings, size, root):
        self.asked = pid
        self.names = [(0, pid)]
        for renaming in renamings:
            require(renaming["entry"] is not None, "a renaming without an entry")
            statement = statement_of(renaming["entry"], size, root)
            receipt = parse(renaming["receipt"], RECEIPT, strict=False)
            former, after, number = receipt["former_pid"], receipt["pid"], statement["person_sequence"]
            require(receipt["kind"] == KIND_RENAMING, "a renaming of another kind")
            require(len(former) == len(after) == 32 and former != after, "the pids of a renaming")
            require((statement["pid"], number) == (after, receipt["person_sequence"]), "another renaming")
            digest = hashlib.sha256(renaming["receipt"]).digest()
            require(digest == statement["receipt_hash"], "a renaming that is not the one logged")
            if len(self.names) == 1:
                self.names = [(0, former)]
            last = self.names[-1]
            require(last[1] == former and last[0] < number, "renamings that do not follow on each other")
            self.names.append((number, after))
        require(any(pid == name for _, name in self.names), "a renaming of somebody else")

    def at(self, number):
        """The pid in the person's receipt with this number."""
        return [name for first, name in self.names if first <= number][-1]

    def check(self, statement):
        require(statement["pid"] == self.at(statement["person_sequence"]), "an entry about somebody else")
        return statement


def statement_of(entry, size, root):
    """What a receipt's entry says, if it is in the tree."""
    if entry["batch"]:
        tlog.check_leaf(entry["batch"])
        found = re.search(r"\nbatch ([0-9]+) (\S+)\n$", entry["batch"].decode())
        require(found, "the leaf of a batch")
        tlog.verify_inclusion(
            entry["member"],
            tlog.decimal(found[1]),
            tlog.leaf_hash(commitment(entry)),
            hashes(entry["batch_path"]),
            tlog.unbase64(found[2]),
        )
        leaf, data = entry["batch"], entry["content"]
    else:
        require(not entry["member"] and not entry["batch_path"], "an entry of its own")
        record = parse(entry["content"], RECORD, strict=False)
        require(record["number"] == entry["place"] + 1, "an entry's number")
        leaf = (
            f"tacit-leaf/v1\ntime {record['at_us'] // 1_000_000}\naction {record['action']}\n"
            f"commitment {encode64(commitment(entry))}\n"
        ).encode()
        tlog.check_leaf(leaf)
        data = record["statement"]
        require(data and record["pids"] == [parse(data, STATEMENT)["pid"]], "an entry's person")
    statement = parse(data, STATEMENT)
    require(statement["person_sequence"] > 0, "a receipt without a number")
    require(len(statement["receipt_hash"]) == len(statement["state_hash"]) == 32, "a hash's length")
    tlog.verify_inclusion(entry["place"], size, tlog.leaf_hash(leaf), hashes(entry["path"]), root)
    return statement


def signed_text(note, policy, origin):
    """The text of a note that the log's keeper signed."""
    text, signatures = tlog.parse_note(note)
    keys = [key for key in policy.logs if key.name == origin]
    signed = [(key, signature) for key in keys for signature in signatures if key.claims(signature)]
    require(signed, "no trusted key signed a note")
    for key, signature in signed:
        key.verify(signature, text)
    return text


def check_note(note, policy, origin, pid, count, at_us, place):
    """That the log's keeper signed that there is no later receipt."""
    text = signed_text(note, policy, origin)
    lines = text.split("\n")
    name = base64.urlsafe_b64encode(pid).decode().rstrip("=")
    require(len(lines) == 7, "the note of the last receipt")
    wanted = ["tacit-consent-last-receipt/v1", f"log {origin}", f"pid {name}", f"receipts {count}"]
    require(lines[:4] == wanted and lines[6] == "", "the note is about another receipt")
    require(lines[4].startswith("time ") and lines[5].startswith("size "), "the note's lines")
    require(tlog.decimal(lines[4][5:]) >= at_us, "the note is too old")
    require(not count or tlog.decimal(lines[5][5:]) > place, "the note is of a smaller log")


def decide(state, scope, at_us):
    """Reason, receipt, its hash and the end of a permission."""
    if state["erasure_sequence"]:
        return ERASED, "", b"", 0
    found = next((each for each in state["scopes"] if each["scope"] == scope), None)
    if found is None or found["kind"] not in (1, 2, 4, 7):
        return NEVER_ASKED, "", b"", 0
    own = found["consent_id"], found["receipt_hash"]
    if found["kind"] != 1:
        return {2: WITHDRAWN, 4: DENIED, 7: OBJECTED}[found["kind"]], *own, 0
    if found["restricted_sequence"]:
        return RESTRICTED, found["restricted_by"], found["restricted_hash"], 0
    reason = GRANTED
    if at_us < found["granted_at_us"]:
        reason = NOT_YET
    elif at_us >= found["expires_at_us"]:
        reason = EXPIRED
    return reason, *own, found["expires_at_us"]


def verify_evidence(data, policy):
    """What a file of evidence says, if it proves it."""
    require(len(data) <= 256 << 10, "evidence too large")
    evidence = parse(data, EVIDENCE)
    pid, at_us, answer = evidence["pid"], evidence["at_us"], evidence["answer"]
    require(len(pid) == 32 and answer is not None, "a pid and an answer")
    origin, size, root = policy.verify(evidence["checkpoint"])
    names = Names(pid, evidence["renamings"], size, root)
    count, newest, state = 0, None, parse(b"", STATE)
    if evidence["newest"] is not None:
        newest = names.check(statement_of(evidence["newest"], size, root))
        require(newest["recorded_at_us"] <= at_us, "the newest receipt is too new")
        count, standing = newest["person_sequence"], evidence["standing"]
        require(hashlib.sha256(standing).digest() == newest["state_hash"], "another state")
        state = parse(standing, STATE, strict=False)
        require(
            (state["receipt_count"], state["last_sequence"], state["last_hash"])
            == (count, newest["sequence"], newest["receipt_hash"]),
            "the state of another receipt",
        )
    else:
        require(not evidence["standing"], "a state without a receipt")
    if evidence["successor"] is not None:
        require(not evidence["last_receipt_note"], "evidence with and without a next receipt")
        successor = names.check(statement_of(evidence["successor"], size, root))
        require(successor["person_sequence"] == count + 1, "the successor is not the next receipt")
        before = newest["receipt_hash"] if newest else b""
        require(successor["previous_hash"] == before, "the successor follows another receipt")
        require(successor["recorded_at_us"] > at_us, "the next receipt was recorded by then")
    else:
        place = evidence["newest"]["place"] if newest else 0
        last = names.at(count) if newest else pid
        check_note(evidence["last_receipt_note"], policy, origin, last, count, at_us, place)
    reason, consent_id, receipt_hash, expires_at_us = decide(state, evidence["scope"], at_us)
    expected = {
        "granted": int(reason == GRANTED),
        "reason": reason,
        "consent_id": consent_id,
        "expires_at_us": expires_at_us,
        "sequence": state["last_sequence"],
    }
    require(answer == expected, "the answer does not follow")
    if consent_id:
        require(hashlib.sha256(evidence["receipt"]).digest() == receipt_hash, "another receipt")
        receipt = parse(evidence["receipt"], RECEIPT, strict=False)
        require(receipt["consent_id"] == consent_id, "the receipt")
        require(receipt["pid"] == names.at(receipt["person_sequence"]), "the receipt of somebody else")
    else:
        require(not evidence["receipt"], "a receipt that did not decide")
    signature = evidence["signature"]
    require(signature, "evidence without a signature")
    digest = encode64(hashlib.sha256(without(data, 11)).digest())
    wanted = f"tacit-consent-evidence/v1\nlog {origin}\nsha256 {digest}\n"
    require(signed_text(signature, policy, origin) == wanted, "the signature is of other evidence")
    return evidence


def main(arguments):
    file, policy = map(pathlib.Path, arguments)
    try:
        evidence = verify_evidence(file.read_bytes(), tlog.Policy(policy.read_text()))
        print(f"{evidence['scope']}: {REASONS[evidence['answer']['reason']]}")
    except Refused as reason:
        sys.exit(f"refused: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
