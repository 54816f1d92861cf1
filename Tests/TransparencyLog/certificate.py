"""A second verifier of certificates of erasure (`tacit-consent certificate`), from the documents alone.
Standard library only.

    python3 certificate.py FILE POLICY
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys

import evidence
import tlog
from tlog import Refused, require

FIELDS = {
    "format", "person", "ground", "recorded_at", "in_force_at", "certified_at", "stores", "models", "kept",
    "certificate", "statements", "evidence",
}  # fmt: skip


class Lines:
    """The lines of a note: a name, a space and a value."""

    def __init__(self, text, heading):
        lines = text.split("\n")
        require(lines[0] == heading and lines[-1] == "", f"a note that is no {heading}")
        self.lines = lines[1:-1]

    def take(self, name, optional=False):
        if self.lines and self.lines[0].startswith(name + " "):
            return self.lines.pop(0)[len(name) + 1 :]
        require(optional, f"a note without {name}")
        return None

    def take_all(self, name):
        values = []
        while (value := self.take(name, optional=True)) is not None:
            values.append(value)
        return values

    def end(self):
        require(not self.lines, "a line that does not belong")


def pid_of(text):
    require(len(text) == 43, "a pid")
    return base64.urlsafe_b64decode(text + "=")


def time_of(microseconds):
    seconds, rest = divmod(int(microseconds), 1_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:06}".rstrip("0") if rest else "") + "Z"


def model_of(line):
    words = line.split(" ")
    require(len(words) == 5, "a model's line")
    return {"id": words[0], "scope": words[1], "epsilon": float(words[3]), "delta": float(words[4])}


def check_origin(origin, service):
    parts = origin.split("/")
    require(len(parts) == 3 and parts[1] == service, f"a note of {service} that another log signed")


def read_statement(text, policy):
    """What a store said, and its models."""
    data = text.encode()
    body, _ = tlog.parse_note(data)
    lines = Lines(body, "tacit-erasure-statement/v1")
    origin, service = lines.take("log"), lines.take("service")
    said = {
        "service": service,
        "pid": pid_of(lines.take("pid")),
        "sequence": tlog.decimal(lines.take("sequence")),
        "at": lines.take("time"),
        "removed": tlog.decimal(lines.take("removed")),
        "left": tlog.decimal(lines.take("left")),
        "hash": base64.b64encode(hashlib.sha256(data).digest()).decode(),
    }
    key = lines.take("key", optional=True)
    words = key.split(" ") if key else ["", "0"]
    require(len(words) == 2 and words[0] in ("", "destroyed", "absent"), "what became of the key")
    require(words[0] == "destroyed" or words[1] == "0", "an epoch without a key")
    said["key"] = {"": None, "destroyed": "destroyed", "absent": "there was none"}[words[0]]
    lines.take("models", optional=True)
    said["models"] = lines.take_all("model")
    lines.end()
    check_origin(origin, service)
    evidence.signed_text(data, policy, origin)
    return said


def verify_certificate(data, policy):
    """What a certificate's file says, if it holds."""
    require(len(data) <= 4 << 20, "a certificate too large")
    try:
        file = json.loads(tlog.utf8(data, "the file"))
    except ValueError:
        raise Refused("a file that is not JSON")
    require(isinstance(file, dict) and FIELDS <= set(file), "a file without all its members")
    require(file["format"] == "tacit-erasure-certificate/v1", "a file of another format")
    note = file["certificate"].encode()
    body, _ = tlog.parse_note(note)
    lines = Lines(body, "tacit-erasure-certificate/v1")
    origin, pid = lines.take("log"), lines.take("pid")
    sequence, ground = tlog.decimal(lines.take("sequence")), lines.take("ground")
    recorded, in_force, at = (lines.take(name) for name in ("recorded", "in-force", "time"))
    named = [line.split(" ") for line in lines.take_all("statement")]
    models, kept = lines.take_all("model"), [line.split(" ") for line in lines.take_all("kept")]
    lines.end()
    check_origin(origin, "consent")
    evidence.signed_text(note, policy, origin)

    proof = tlog.unbase64(file["evidence"])
    found = evidence.verify_evidence(proof, policy)
    require(found["pid"] == pid_of(pid), "evidence of somebody else")
    require(found["answer"]["reason"] == evidence.ERASED, "evidence of no erasure")
    require(found["answer"]["sequence"] == sequence, "evidence of another erasure")
    require(policy.verify(found["checkpoint"])[0] == origin, "evidence of another log")

    said = [read_statement(text, policy) for text in file["statements"]]
    require(sorted(map(tuple, named)) == sorted((each["service"], each["hash"]) for each in said), "other statements")
    for each in said:
        require((each["pid"], each["sequence"]) == (pid_of(pid), sequence), "a statement of another erasure")
        require(each["left"] == 0, "rows that are left")
    require(any(each["service"] == "vault" and each["key"] for each in said), "the subject key")
    require(all(any(model in each["models"] for each in said) for model in models), "a model nobody named")

    told = {
        "person": "hmac:sha256:" + pid,
        "ground": ground,
        "recorded_at": time_of(recorded),
        "in_force_at": time_of(in_force),
        "certified_at": time_of(at),
        "models": [model_of(line) | {"choice": "bounded by differential privacy"} for line in models],
        "kept": [{"what": what, "count": int(count), "ground": why} for what, count, why in kept],
        "stores": [
            {"service": each["service"], "removed": each["removed"], "left": 0, "looked_at": time_of(each["at"])}
            | ({"subject_key": each["key"]} if each["key"] else {})
            for each in sorted(said, key=lambda each: each["service"])
        ],
    }
    for name, value in told.items():
        require(file[name] == value, f"{name} is not what was signed")
    return file


def main(arguments):
    file, policy = map(pathlib.Path, arguments)
    try:
        found = verify_certificate(file.read_bytes(), tlog.Policy(policy.read_text()))
        print(f"{found['person']} erased, in force at {found['in_force_at']}")
    except Refused as reason:
        sys.exit(f"refused: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
