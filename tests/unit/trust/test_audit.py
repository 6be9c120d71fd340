"""The log's hashes, against the test vectors of RFC 6962 implementations."""

import hashlib

from townsquare.trust.audit import commitment, leaf, tree_head

# Leaves and roots of the reference test of Certificate Transparency (merkle tree test inputs).
INPUTS = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]
ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
ROOT_OF_3 = "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"


def test_tree_heads() -> None:
    leaves = [leaf(data) for data in INPUTS]
    assert tree_head(leaves).hex() == ROOT_OF_8
    assert tree_head(leaves[:3]).hex() == ROOT_OF_3
    assert tree_head([]) == hashlib.sha256().digest()


def test_a_commitment_hides_its_record_behind_the_salt() -> None:
    assert commitment(b"1" * 16, b"record") != commitment(b"2" * 16, b"record")
    assert commitment(b"1" * 16, b"record") != commitment(b"1" * 16, b"Record")
