"""The vectors that the signer in Swift is tested with are what botocore signs."""

import json
import unittest

import sigv4_vectors

try:
    import botocore.auth
except ImportError:
    botocore = None


class VectorTests(unittest.TestCase):
    @unittest.skipIf(botocore is None, "there is no botocore")
    def test_recorded_signatures_are_what_botocore_signs(self):
        recorded = json.loads((sigv4_vectors.VECTORS / "botocore.json").read_text())
        self.assertEqual(recorded, sigv4_vectors.botocore_vectors())
        self.assertGreater(len({case["authorization"] for case in recorded["cases"]}), 60)

    def test_the_published_suite_is_there(self):
        recorded = json.loads((sigv4_vectors.VECTORS / "published.json").read_text())
        self.assertEqual(len(recorded["cases"]), 34)


if __name__ == "__main__":
    unittest.main()
