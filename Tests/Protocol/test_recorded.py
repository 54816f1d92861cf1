"""Recorded bytes.

docs/PROTOCOL.md, held to real servers by a client in another language (tacit_wire.py).
Tools/test.sh runs all of Tests/Protocol.
"""

import json
import unittest

import tacit_wire
from support import (
    HEALTH_CHECK, ROOT, SCHEMA, FRAME_BYTE_COUNT_MAX, ProtocolTestCase, stack)
from tacit_wire import Breach, Kind, decode, encode, method_id

VECTORS = json.loads((ROOT / "Tests/Vectors/wire/protocol.json").read_text(encoding="utf-8"))


def setUpModule():
    stack.start()


class RecordedTests(ProtocolTestCase):
    """Tests/Vectors/wire/protocol.json, which the Swift tests read too."""

    def bytes_of(self, vector):
        return bytes.fromhex(vector["hex"])

    def frame_of(self, vector):
        fields = dict(vector["frame"])
        for name in ("trace", "payload"):
            if name in fields:
                fields[name] = bytes.fromhex(fields[name])
        fields["metadata"] = [
            SCHEMA.wire.Entry(key=entry["key"], value=bytes.fromhex(entry["value"]))
            for entry in fields.get("metadata", [])]
        return SCHEMA.wire.Frame(**fields)

    def message_of(self, vector):
        """The payload's message, where it is one of the protocol's own."""
        for name in ("Hello", "Status", "Goaway"):
            if name.lower() in vector:
                return getattr(SCHEMA.wire, name)(**vector[name.lower()])
        return None

    def check(self, vector):
        recorded, frame = self.bytes_of(vector), self.frame_of(vector)
        self.assertEqual(encode(frame).hex(), recorded.hex())
        self.assertEqual(int.from_bytes(recorded[:4], "big"), len(recorded) - 4)
        self.assertEqual(decode(SCHEMA, recorded[4:]), frame)
        if message := self.message_of(vector):
            self.assertEqual(message.SerializeToString(), frame.payload)
            self.assertEqual(type(message).FromString(frame.payload), message)

    def test_every_frame_is_written_and_read_as_recorded(self):
        steps = [step for conversation in VECTORS["conversations"]
                 for step in conversation["steps"]]
        for vector in VECTORS["frames"] + VECTORS["hello"] + steps:
            with self.subTest(vector.get("name", vector["hex"])):
                self.check(vector)
        kinds = {vector["frame"]["kind"] for vector in VECTORS["frames"]}
        self.assertEqual(kinds, set(Kind), "a kind of frame is not recorded")

    def test_unusual_frames_are_read(self):
        for vector in VECTORS["also_read"]:
            with self.subTest(vector["name"]):
                read = decode(SCHEMA, self.bytes_of(vector)[4:])
                read.DiscardUnknownFields()
                self.assertEqual(read, self.frame_of(vector))

    def test_refused_bytes_are_refused_by_both_sides(self):
        for vector in VECTORS["refused"]:
            with self.subTest(vector["name"]):
                data = self.bytes_of(vector)
                if vector.get("by") != "server":
                    with self.assertRaises(Breach):
                        tacit_wire.frame_byte_count(data, FRAME_BYTE_COUNT_MAX)
                        decode(SCHEMA, data[4:])
                peer = self.peer()
                peer.send_bytes(data)
                self.assert_goaway(peer, vector["code"])
                self.assert_serves()

    def test_servers_keep_to_the_recorded_conversations(self):
        servers = {"consent": stack.consent, "vault": stack.vault}
        for conversation in VECTORS["conversations"]:
            with self.subTest(conversation["name"]):
                peer = self.peer(servers[conversation["service"]], greeted=False)
                self.assertEqual(
                    conversation["method"] in SCHEMA.methods, True, "the method is not there")
                hello = VECTORS["hello"] if conversation.get("greeted", True) else []
                for step in hello + conversation["steps"]:
                    self.play(peer, step)
                if conversation.get("closes"):
                    self.assertIsNone(peer.next_frame())
                else:
                    self.assert_alive(peer)

    def play(self, peer, step):
        if step["from"] == "client":
            peer.send_bytes(self.bytes_of(step))
            return
        expected, received = self.frame_of(step), peer.next_frame()
        message = self.message_of(step)
        if message is None:
            self.assertEqual(received, expected)
            return
        actual = type(message).FromString(received.payload)
        for part in (message, actual):
            # What is written for people, and what names a program, may change.
            for name in ("message", "build", "schema"):
                if name in part.DESCRIPTOR.fields_by_name:
                    part.ClearField(name)
        self.assertEqual(actual, message)
        for frame in (received, expected):
            frame.ClearField("payload")
        self.assertEqual(received, expected)

    def test_ids_of_methods_are_their_names_hashes(self):
        self.assertEqual(method_id(HEALTH_CHECK), 0xC181643C)
        ids = [method.id for method in SCHEMA.methods.values()]
        self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    unittest.main()
