"""Writes the vectors of Tests/Vectors/aws-sigv4, which the signer in Swift is tested with.

    python3 sigv4_vectors.py published DIRECTORY   AWS's own suite, from its files in DIRECTORY
    python3 sigv4_vectors.py botocore              requests of the KMS as botocore signs them
"""

import datetime
import json
import pathlib
import random
import re
import sys
from unittest import mock

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "Vectors" / "aws-sigv4"
SUITE_SOURCE = (
    "AWS Signature Version 4 test suite (Apache License 2.0), as botocore 1.43.11 ships it in "
    "tests/unit/auth/aws4_testsuite")


def read_request(text):
    """A request as the suite writes it: method, path, query, headers, body."""
    head, _, body = text.partition("\n\n")
    lines = head.split("\n")
    method, _, rest = lines[0].partition(" ")
    target = rest.rpartition(" ")[0]
    path, has_query, query = target.partition("?")
    pairs = []
    for part in query.split("&") if has_query else []:
        name, _, value = part.partition("=")
        pairs.append([name, value])
    headers = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t"):
            headers[-1][1] += " " + line.strip()
        elif line:
            name, _, value = line.partition(":")
            headers.append([name, value])
    return {"method": method, "path": path, "query": pairs, "headers": headers, "body": body}


def published(directory):
    cases = []
    for request in sorted(directory.rglob("*.req")):
        case = {"name": request.stem} | read_request(request.read_text())
        for key, suffix in [
            ("canonical_request", ".creq"), ("string_to_sign", ".sts"), ("authorization", ".authz"),
        ]:
            case[key] = request.with_suffix(suffix).read_text()
        # One case leaves it to the signer to add the token of its credentials.
        token = re.search("^x-amz-security-token:(.*)$", case["canonical_request"], re.MULTILINE)
        if token and not any(name.lower() == "x-amz-security-token" for name, _ in case["headers"]):
            case["headers"].append(["X-Amz-Security-Token", token.group(1)])
        cases.append(case)
    return {
        "source": SUITE_SOURCE, "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "region": "us-east-1",
        "service": "service", "at": "2015-08-30T12:36:00Z", "cases": cases,
    }


def botocore_case(number):
    """One request with a seed of its own, signed by botocore."""
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    source = random.Random(number)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

    def text(most):
        return "".join(source.choice(letters) for _ in range(source.randint(1, most)))

    case = {
        "name": f"kms-{number}",
        "access_key_id": text(20), "secret_access_key": text(40),
        "session_token": text(400) if source.random() < 0.5 else None,
        "region": source.choice(["eu-central-1", "us-east-1", "ap-southeast-2", "us-gov-west-1"]),
        "at": (datetime.datetime(2026, 1, 1) + datetime.timedelta(
            seconds=source.randrange(10**8))).isoformat() + "Z",
        "target": source.choice(["TrentService.Encrypt", "TrentService.Decrypt"]),
        "body": json.dumps({text(9): text(300), "Größe": "ü" * source.randint(0, 9)},
                           ensure_ascii=False),
    }
    case["host"] = source.choice(
        [f"kms.{case['region']}.amazonaws.com", "127.0.0.1:5000", "localhost"])
    moment = datetime.datetime.fromisoformat(case["at"])
    request = AWSRequest(
        "POST", ("http://" if "amazonaws" not in case["host"] else "https://") + case["host"] + "/",
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": case["target"]},
        data=case["body"].encode())
    credentials = Credentials(
        case["access_key_id"], case["secret_access_key"], case["session_token"])
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment):
        botocore.auth.SigV4Auth(credentials, "kms", case["region"]).add_auth(request)
    case["authorization"] = request.headers["Authorization"]
    return case


def botocore_vectors(count=64):
    return {
        "source": "botocore.auth.SigV4Auth over random requests; see sigv4_vectors.py",
        "cases": [botocore_case(number) for number in range(count)],
    }


def write(name, content):
    VECTORS.mkdir(parents=True, exist_ok=True)
    (VECTORS / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["published", directory]:
            write("published.json", published(pathlib.Path(directory)))
        case ["botocore"]:
            write("botocore.json", botocore_vectors())
        case _:
            sys.exit(__doc__)
