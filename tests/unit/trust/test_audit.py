"""What the log commits to."""

from townsquare.trust.audit import commitment


def test_a_commitment_hides_its_record_behind_the_salt() -> None:
    assert commitment(b"1" * 16, b"record") != commitment(b"2" * 16, b"record")
    assert commitment(b"1" * 16, b"record") != commitment(b"1" * 16, b"Record")
