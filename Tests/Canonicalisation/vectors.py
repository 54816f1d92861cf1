"""Writes Tests/Vectors/canonicalisation, from rules written down a second time.

Not the program under test: Python's own Unicode tables (3.11: Unicode 14), PyPI's `idna` for the
A-labels of domains and PyPI's `phonenumbers` for telephone numbers. docs/CANONICALISATION.md has
the rules in words.

    python3 -m venv venv && venv/bin/pip install idna phonenumbers
    venv/bin/python Tests/Canonicalisation/vectors.py
"""

import json
import pathlib
import random
import re
import unicodedata

import idna
import phonenumbers

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(point) for point in range(0x2000, 0x200B)
)
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), what is assigned of it.
IGNORABLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
ATEXT = re.compile(r"[a-z0-9!#$%&'*+\-/=?^_`{|}~.\x80-\U0010ffff]+\Z")
QUOTED = re.compile(r'"((?:[^"\\]|\\[\x20-\x7e])*)"\Z')


class Refused(Exception):
    """The identifier has no canonical form."""


def visible(text, allowed=""):
    for character in text:
        if character in allowed:
            continue
        category = unicodedata.category(character)
        if (
            character in SPACES
            or IGNORABLE.match(character)
            or category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
        ):
            raise Refused


def email_v1(text):
    text = text.strip(SPACES)
    visible(text, " " if text.startswith('"') else "")
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise Refused
    if local.startswith('"'):
        if not QUOTED.match(local):
            raise Refused
    elif not ATEXT.match(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise Refused
    if len(local.encode()) > 64:
        raise Refused
    labels = []
    for label in domain.split("."):
        if label.isascii():
            if not re.match(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z", label):
                raise Refused
            labels.append(label)
        else:
            try:
                labels.append(idna.alabel(label).decode())
            except idna.IDNAError:
                raise Refused from None
    if len(labels) < 2 or labels[-1].isdigit():
        raise Refused
    address = local + "@" + ".".join(labels)
    if len(address.encode()) > 254:
        raise Refused
    return address


def email_uid2(text):
    text = text.strip(SPACES)
    visible(text)
    text = text.lower()
    local, at, domain = text.partition("@")
    if not local or not domain or "@" in domain:
        raise Refused
    if domain == "gmail.com":
        local = local.split("+")[0].replace(".", "")
        if not local:
            raise Refused
    return local + "@" + domain


def phone(text, region):
    try:
        number = phonenumbers.parse(text.strip(SPACES), region.upper() or None)
    except phonenumbers.NumberParseException:
        raise Refused from None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def customer_number(text, source):
    text = text.strip(SPACES)
    if not re.match(r"[\x20-\x7e]{1,64}\Z", text):
        raise Refused
    if not re.match(r"[a-z][a-z0-9_.-]{0,63}\Z", source.strip(SPACES).lower()):
        raise Refused
    return "".join(c.upper() if c.isascii() else c for c in text)


EMAILS = [
    "ann@example.com", "Ann@Example.COM", "  ann@example.com\t", "\u3000ann@example.com\u2003",
    "ANN+News@example.com", "a.b-c_d@sub.example.co.uk", "!#$%&'*+-/=?^_`{|}~@example.com",
    # NFC and NFD of one address, and letters whose lower case has its own rules.
    "zo\u00eb@ex\u00e4mple.de", "zoe\u0308@exa\u0308mple.de", "ZOE\u0308@EXA\u0308MPLE.DE",
    "\u0130stanbul@example.com", "\u039f\u0394\u039f\u03a3@example.com", "\u1e9e@example.com",
    "\u00df@stra\u00dfe.de", "\u212bngstr\u00f6m@example.com", "\u0414\u0418\u041c\u0410@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
    "user@b\u00fccher.example", "user@xn--bcher-kva.example", "user@XN--BCHER-KVA.example",
    "user@\u4f8b\u3048.\u30c6\u30b9\u30c8", "\u7528\u6237@\u4f8b\u5b50.\u6d4b\u8bd5", "user@\u0645\u062b\u0627\u0644.\u0625\u062e\u062a\u0628\u0627\u0631",
    "user@\u05d3\u05d5\u05d2\u05de\u05d4.\u05d8\u05e2\u05e1\u05d8", "user@\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae.\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae",
    # Quoted local parts stay as they are.
    '"ann"@example.com', '"Ann Lee"@Example.com', '"a@b"@example.com', '"a..b"@example.com',
    '"a\\"b"@example.com', '"a\\\\"@example.com', '""@example.com', '"zo\u00eb lee"@example.com',
    "a" * 64 + "@example.com", "a@" + ".".join(["b" * 63] * 3) + "." + "c" * 60,
    "a@1.example", "a@example.c0m",
]
BAD_EMAILS = [
    "", " ", "ann", "@example.com", "ann@", "ann@@example.com", "ann@b@example.com",
    "ann lee@example.com", "ann@exam ple.com", "ann@example", ".ann@example.com",
    "ann.@example.com", "a..n@example.com", "ann@.example.com", "ann@example..com",
    "ann@example.com.", "ann@-example.com", "ann@example-.com", "ann@exa_mple.com",
    "ann@127.0.0.1", "ann@[127.0.0.1]", "ann(comment)@example.com", "<ann@example.com>",
    "ann,ben@example.com", "an\u200bn@example.com", "an\u00adn@example.com", "\ufeffann@example.com",
    "an\u202en@example.com", "an\u0000n@example.com", "an\u007fn@example.com",
    "an\u2028n@example.com", "an\u0378n@example.com", "ann@ex\uff41mple.com",
    "ann@example\u3002com", "ann@\u2603.com", '"ann@example.com', '"ann"lee@example.com',
    'ann"lee"@example.com', '"an\nn"@example.com', '"an\u200bn"@example.com', '"ann\\"@example.com',
    '"a\u00a0b"@example.com', "a" * 65 + "@example.com", '"' + "a" * 63 + '"@example.com',
    "a@" + "b" * 64 + ".com", "a@" + ".".join(["b" * 63] * 3) + "." + "c" * 61,
]
UID2 = [
    "JANESaoirse@gmail.com", "JaneSaoirse+Work@example.com", " Jane.Saoirse@Example.com ",
    "jane.saoirse+tag@gmail.com", "jane.saoirse@googlemail.com", "J.A.N.E@GMAIL.COM",
    "jane+a+b@gmail.com",
]
BAD_UID2 = ["", "jane", "jane@", "@gmail.com", "+tag@gmail.com", "...@gmail.com", "a@b@c.com",
            "ja\u200bne@gmail.com", "ja ne@gmail.com"]
PHONES = [
    ("+49 30 1234567", ""), ("+49 (0)30 1234567", ""), ("030/1234567", "DE"),
    ("(030) 123 45-67", "de"), ("0049 30 1234567", "DE"), ("+1 (415) 555-2671", ""),
    ("415-555-2671", "US"), ("1 415 555 2671", "CA"), ("011 49 30 1234567", "US"),
    ("06 12 34 56 78", "FR"), ("+39 06 1234 5678", ""), ("06 1234 5678", "IT"),
    ("8 (495) 123-45-67", "RU"), ("+7 495 123 45 67", ""), ("090-1234-5678", "JP"),
    ("11 91234-5678", "BR"), ("+54 9 11 2345-6789", ""), ("011 2345-6789", "AR"),
    ("020 7946 0958", "GB"), ("8 029 491 19 11", "BY"), ("55 1234 5678", "MX"),
    ("\u00a0+49\u00a030\u20101234567 ", ""),
]
BAD_PHONES = [
    ("030 1234567", ""), ("030 1234567", "ZZ"), ("030 1234567", "AQ"), ("", "DE"),
    ("+49 CALL ME", ""), ("+49 30 1234567 ext. 5", ""), ("+999 1234567", ""), ("+49 030 1234567", ""),
    ("+4912345", ""), ("+4912345678901234", ""), ("++49 30 1234567", ""), ("(030 1234567", "DE"),
    # Too much for the rules of a profile: an area code left out, a mobile prefix, a carrier.
    ("555-2671", "US"), ("+1 555 2671", ""), ("011 15-2345-6789", "AR"),
    ("0 15 11 91234-5678 90", "BR"), ("8 612 34567", "LT"), ("00 30 1234567", "BR"),
]
CUSTOMERS = [("000471", "shop"), (" ab-17 ", "Shop"), ("a b", "crm.eu"), ("9" * 64, "x")]
BAD_CUSTOMERS = [("", "shop"), ("471", ""), ("471", "my shop"), ("471", "1shop"), ("4\u00e9", "shop"),
                 ("9" * 65, "shop"), ("4\u200b71", "shop"), ("471", "shop:eu")]


def emails_at_random(count):
    """Addresses in many scripts, some of them refused."""
    dice = random.Random(5892)
    letters = [
        "abcdefghijklmnopqrstuvwxyz0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "\u00e4\u00f6\u00fc\u00e9\u00e8\u00f1\u00e7\u00e5\u0142\u00df", "\u00c4\u00d6\u00dc\u00c9\u00d1\u00c5\u0141",
        "\u03b1\u03b2\u03b3\u03b4\u03ce\u03af", "\u0430\u0431\u0432\u0433\u0434\u0439\u0451", "\u0416\u042f\u0419\u0401",
        "\u4f8b\u5b50\u6d4b\u8bd5\u65e5\u672c", "\u3042\u304c\u30ab\u30d0", "\ud55c\uad6d\uc5b4", "\u0e01\u0e02\u0e04",
        "\u0928\u092e\u0938\u0915", "e\u0301", "A\u030a", "o\u0308",
    ]
    for _ in range(count):
        def word():
            pool = dice.choice(letters)
            return "".join(dice.choice(pool) for _ in range(dice.randint(1, 8)))
        local = word() + dice.choice(["", ".", "+", "-", " ", ".."]) + word()
        domain = ".".join(word() + dice.choice(["", "", "-"]) + word()
                          for _ in range(dice.randint(1, 3)))
        yield dice.choice(["", " ", "\t"]) + local + "@" + domain


def split(function, inputs):
    """Which are accepted, with what they become, and which are not."""
    vectors, refused = [], []
    for given in inputs:
        arguments = given if isinstance(given, tuple) else (given,)
        entry = dict(zip(("input", "qualifier"), arguments))
        try:
            vectors.append(entry | {"canonical": function(*arguments)})
        except Refused:
            refused.append(entry)
    return vectors, refused


def write(name, about, function, good, bad, rest=()):
    vectors, refused = split(function, good)
    assert not refused, refused
    if function is not phone:
        accepted, _ = split(function, bad)
        assert not accepted, accepted
    more, less = split(function, rest)
    document = {
        "about": about, "vectors": vectors + more,
        "refused": [dict(zip(("input", "qualifier"), g if isinstance(g, tuple) else (g,)))
                    for g in bad] + less,
    }
    folder = pathlib.Path(__file__).parent.parent / "Vectors" / "canonicalisation"
    text = json.dumps(document, ensure_ascii=True, indent=1)
    (folder / f"{name}.json").write_text(text + "\n")


write("email-v1", "profile email/v1; PyPI idna and CPython's Unicode tables", email_v1,
      EMAILS, BAD_EMAILS, emails_at_random(1_000))
write("email-seed", "profile email/seed: CPython's str.lower()", str.lower,
      ["Ann@Example.COM", " ann ", "\u0130stanbul@x", "\u1e9e\u00df@x", "\u039f\u0394\u039f\u03a3 \u03a3@x",
       "\u01c5@x", "\u1f88@x", "ZOE\u0308@x"], [])
write("email-uid2", "profile email/uid2: UID2's published normalisation", email_uid2, UID2, BAD_UID2)
write("phone-e164-v1", "profile phone/e164-v1; PyPI phonenumbers reads the same from those of "
      "'vectors', and more than this profile of some in 'refused'", phone, PHONES, BAD_PHONES)
write("customer-number-v1", "profile customer-number/v1; the qualifier is the source",
      customer_number, CUSTOMERS, BAD_CUSTOMERS)
