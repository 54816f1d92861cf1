"""Expands the exporter's JSON-LD and holds it to the shapes of ISO/IEC TS 27560 with DPV.

The exporter's texts are the vectors that the Swift tests compare byte by byte. rdflib expands
them; the part of SHACL that the shapes use is evaluated here, so that nothing but Debian's
python3-rdflib is needed. Where pyshacl is installed as well, it must agree.

Run: python3 -m unittest discover -s Tests/ConsentFormats
"""

import json
import unittest
from pathlib import Path

import rdflib
from rdflib.collection import Collection
from rdflib.namespace import RDF, SH

try:
    import pyshacl
except ImportError:
    pyshacl = None

VECTORS = Path(__file__).resolve().parent.parent / "Vectors" / "consent-formats"
DPV = rdflib.Namespace("https://w3id.org/dpv#")
DCT = rdflib.Namespace("http://purl.org/dc/terms/")


def expanded(text):
    graph = rdflib.Graph()
    graph.parse(data=text, format="json-ld")
    return graph


def shapes():
    graph = rdflib.Graph()
    graph.parse(VECTORS / "dpv-27560-shapes.ttl", format="turtle")
    return graph


class Checker:
    """SHACL node shapes with property shapes of single predicates; anything else is an error."""

    KNOWN = {
        SH.path, SH.minCount, SH.maxCount, SH.hasValue, SH.datatype, SH["class"], SH.nodeKind,
        SH["in"], SH.node,
    }

    def __init__(self, shapes, data):
        self.shapes = shapes
        self.data = data
        self.checked = 0

    def violations(self):
        found = []
        for shape, target in self.shapes.subject_objects(SH.targetClass):
            for focus in set(self.data.subjects(RDF.type, target)):
                found += self.node_violations(shape, focus)
        return found

    def node_violations(self, shape, focus):
        found = []
        for prop in self.shapes.objects(shape, SH.property):
            found += self.property_violations(prop, focus)
        return found

    def property_violations(self, prop, focus):
        rules = {p: o for p, o in self.shapes.predicate_objects(prop)}
        assert set(rules) <= self.KNOWN, set(rules) - self.KNOWN
        path = rules[SH.path]
        assert isinstance(path, rdflib.URIRef)
        values = list(self.data.objects(focus, path))
        self.checked += 1
        found = []
        if len(values) < int(rules.get(SH.minCount, 0)):
            found.append((path, "too few"))
        if SH.maxCount in rules and len(values) > int(rules[SH.maxCount]):
            found.append((path, "too many"))
        if SH.hasValue in rules and rules[SH.hasValue] not in values:
            found.append((path, "another value"))
        for value in values:
            if not self.accepts(rules, value):
                found.append((path, value))
            if SH.node in rules:
                found += self.node_violations(rules[SH.node], value)
        return found

    def accepts(self, rules, value):
        if SH.datatype in rules:
            datatype = getattr(value, "datatype", None) or rdflib.XSD.string
            if not isinstance(value, rdflib.Literal) or datatype != rules[SH.datatype]:
                return False
        if SH["class"] in rules and (value, RDF.type, rules[SH["class"]]) not in self.data:
            return False
        if SH.nodeKind in rules:
            assert rules[SH.nodeKind] == SH.IRI
            if not isinstance(value, rdflib.URIRef):
                return False
        if SH["in"] in rules and value not in Collection(self.shapes, rules[SH["in"]]):
            return False
        return True


def without(value, key):
    """The JSON value without any member `key`."""
    if isinstance(value, dict):
        return {k: without(v, key) for k, v in value.items() if k != key}
    if isinstance(value, list):
        return [without(v, key) for v in value]
    return value


class DPV27560Tests(unittest.TestCase):
    def texts(self):
        files = sorted(VECTORS.glob("receipt-*.jsonld"))
        self.assertGreaterEqual(len(files), 3)
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    def violations(self, text):
        data = expanded(text)
        checker = Checker(shapes(), data)
        found = checker.violations()
        if pyshacl is not None:
            conforms, _, report = pyshacl.validate(data, shacl_graph=shapes())
            self.assertEqual(conforms, not found, report)
        return found, checker.checked

    def test_the_receipts_expand_and_conform(self):
        for name, text in self.texts().items():
            with self.subTest(name):
                found, checked = self.violations(text)
                self.assertEqual(found, [])
                self.assertGreater(checked, 30)

    def test_expansion_finds_what_was_meant(self):
        data = expanded(self.texts()["receipt-grant.jsonld"])
        receipt = data.value(predicate=RDF.type, object=DPV.ConsentReceipt)
        record = data.value(receipt, DPV.hasRecordOfActivity)
        self.assertEqual(
            data.value(record, DCT.conformsTo),
            rdflib.URIRef("https://w3id.org/dpv/schema/dpv-27560#record"))
        states = {
            data.value(data.value(process, DPV.hasConsentStatus), RDF.type)
            for process in data.objects(record, DPV.hasProcess)
        }
        self.assertEqual(states, {DPV.ConsentGiven, DPV.ConsentRefused})
        # A key without a prefix of the context would have been dropped in silence.
        relative = [p for p in data.predicates() if ":" not in p]
        self.assertEqual(relative, [])

    def test_every_key_becomes_a_triple(self):
        for name, text in self.texts().items():
            context = json.loads(text)["@context"]
            known = {str(p) for p in expanded(text).predicates()}

            def keys(value):
                if isinstance(value, dict):
                    for key, member in value.items():
                        if key != "@context":
                            yield key
                            yield from keys(member)
                elif isinstance(value, list):
                    for member in value:
                        yield from keys(member)

            for key in set(keys(json.loads(text))):
                if not key.startswith("@"):
                    prefix, term = key.split(":", 1)
                    self.assertIn(context[prefix] + term, known, f"{key} in {name}")

    def test_each_mandatory_field_is_missed(self):
        text = self.texts()["receipt-grant.jsonld"]
        mandatory = {
            "dct:conformsTo", "dct:created", "dpv:hasRecordOfActivity", "dpv:hasDataSubject",
            "dpv:hasNotice", "dct:language", "dpv:hasProcess", "dpv:hasPurpose",
            "dpv:hasPersonalData", "dpv:hasStorageCondition", "dpv:hasDataController",
            "dpv:hasRecipient", "dpv:hasConsentControl", "dpv:hasJurisdiction", "dpv:hasRight",
            "dpv:hasConsentStatus", "dpv:isIndicatedAtTime", "dpv:isIndicatedBy",
            "dpv:hasLegalBasis", "dpv:hasDuration", "dpv:hasEntity", "dpv:hasName",
            "schema:contactPoint", "schema:address",
        }
        for key in mandatory:
            with self.subTest(key):
                self.assertIn(f'"{key}"', text)
                found, _ = self.violations(json.dumps(without(json.loads(text), key)))
                self.assertNotEqual(found, [])


if __name__ == "__main__":
    unittest.main()
