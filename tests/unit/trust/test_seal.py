"""Footage that nobody opens alone: keys, shares, segments, and what is released of them."""

import itertools
import os
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from townsquare.model.errors import Invalid
from townsquare.trust.seal import keys, listing, release, segment, sharing, terms
from townsquare.trust.seal.keys import CustodianKey, NotOpened, OpeningKey
from townsquare.trust.seal.release import Release
from townsquare.trust.seal.sharing import FalseShare
from townsquare.trust.seal.terms import Custodian, Terms

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAMES = ("police", "data-protection", "court")
OPENING = {name: keys.fresh() for name in NAMES}
SIGNING = {name: Ed25519PrivateKey.generate() for name in NAMES}
KEYS = [
    CustodianKey(name, OPENING[name].public, SIGNING[name].public_key().public_bytes_raw())
    for name in NAMES
]
HOUR = keys.fresh()
CLIP = b"\x00\x00\x00\x01 a street" * 1000
OF = segment.Of(
    "market", AT, AT + timedelta(seconds=10), "h264", "mp4", "2026-11-23T09", "terms", "policy"
)


def made() -> segment.Segment:
    return segment.sealed(OF, CLIP, KEYS, HOUR.public)


def given(found: segment.Segment, names: tuple[str, ...]) -> Mapping[int, bytes]:
    """The shares that these custodians open."""
    sealed = segment.shares_of(found, HOUR)
    info = segment.share_info
    return {
        NAMES.index(name) + 1: OPENING[name].open(
            sealed[NAMES.index(name)], info("market", AT, "terms", name)
        )
        for name in names
    }


@pytest.mark.parametrize(
    "names", [n for size in range(4) for n in itertools.combinations(NAMES, size)]
)
def test_two_custodians_open_and_no_fewer(names: tuple[str, ...]) -> None:
    found = segment.decoded(segment.encoded(made()))
    shares = given(found, names)
    if len(names) < 2:
        with pytest.raises(Invalid, match="of 2 shares"):
            sharing.combine(shares, found.header.commitments)
    else:
        key = sharing.combine(shares, found.header.commitments)
        assert segment.opened(found, key) == CLIP


def test_without_the_key_of_the_hour_all_three_open_nothing() -> None:
    found = made()
    for key in (keys.fresh(), *OPENING.values()):
        with pytest.raises(NotOpened):
            segment.shares_of(found, key)


def test_a_hold_seals_the_shares_to_another_key_and_changes_nothing_else() -> None:
    found, hold = made(), keys.fresh()
    held = segment.enveloped(found, segment.shares_of(found, HOUR), hold.public)
    assert held.digest == found.digest
    assert segment.shares_of(held, hold) == segment.shares_of(found, HOUR)
    with pytest.raises(NotOpened):
        segment.shares_of(held, HOUR)


def test_a_false_share_is_found_and_whose_it_is() -> None:
    found = made()
    shares = dict(given(found, ("police", "court")))
    shares[3] = bytes(32)
    with pytest.raises(FalseShare) as refused:
        sharing.combine(shares, found.header.commitments)
    assert refused.value.index == 3


@pytest.mark.parametrize("part", ["told", "envelope", "ciphertext"])
def test_a_segment_that_was_changed_is_not_opened(part: str) -> None:
    found = made()
    raw: bytes = getattr(found, part)
    changed = structs.replace(found, **{part: raw.replace(raw[40:50], bytes(10), 1)})
    key = sharing.combine(given(found, ("police", "court")), found.header.commitments)
    with pytest.raises(NotOpened):
        both_opened(changed, key)


def both_opened(found: segment.Segment, key: bytes) -> None:
    segment.shares_of(found, HOUR)
    segment.opened(found, key)


def test_segments_that_are_not_whole_are_refused() -> None:
    raw = segment.encoded(made())
    for cut in (0, 4, 8, 12, 100, 1000, len(raw) // 2, len(raw) - 1):
        with pytest.raises(Invalid):
            segment.decoded(raw[:cut])


def test_a_size_tells_its_class_only() -> None:
    sizes = {len(segment.padded(bytes(n))) for n in (0, 1, 200_000, (1 << 18) - 8)}
    assert sizes == {1 << 18}
    assert len(segment.padded(bytes((1 << 18) - 7))) == 1 << 19
    assert len(segment.padded(b"quiet", least=1 << 22)) == 1 << 22


def test_no_bytes_of_the_clip_are_in_the_file() -> None:
    raw = segment.encoded(made())
    assert b"a street" not in raw
    assert b"\x00\x00\x00\x01 a" not in raw


def test_keys_of_custodians_are_read_as_they_are_printed() -> None:
    assert keys.custodian_key(str(KEYS[0])) == KEYS[0]
    for wrong in ("", "police", str(KEYS[0])[:-4], str(KEYS[0]).replace("police", "Po lice")):
        with pytest.raises(Invalid):
            keys.custodian_key(wrong)
    another = f"police+0123456789abcdef+{str(KEYS[0]).split('+', 2)[2]}"
    with pytest.raises(Invalid, match="not whole"):
        keys.custodian_key(another)


def test_a_key_that_opens_does_not_show_itself() -> None:
    assert repr(OPENING["police"]) == "OpeningKey(…)"


# --- what is released


def released(found: segment.Segment, name: str, to: OpeningKey, *, false: bool = False) -> Release:
    share = os.urandom(32) if false else given(found, (name,))[NAMES.index(name) + 1]
    info = release.info("opening-1", found.digest, name)
    told = Release("opening-1", name, {found.digest: b64(to.public.seal(share, info))})
    return structs.replace(told, signature=b64(SIGNING[name].sign(release.said(told))))


def b64(raw: bytes) -> str:
    return b64encode(raw).decode()


def test_who_asked_opens_what_two_custodians_released() -> None:
    found, asked = made(), keys.fresh()
    shares = {}
    for index, key in [(1, KEYS[0]), (3, KEYS[2])]:
        told = released(found, key.name, asked)
        release.require(told, key, [found.digest])
        committed = found.header.commitments[index - 1]
        shares[index] = release.share(told, found.digest, index, committed, asked)
    assert segment.opened(found, sharing.combine(shares, found.header.commitments)) == CLIP


def test_nobody_else_opens_it() -> None:
    found = made()
    told = released(found, "police", keys.fresh())
    with pytest.raises(NotOpened):
        release.share(told, found.digest, 1, found.header.commitments[0], keys.fresh())


def test_a_false_share_in_a_release_names_the_custodian() -> None:
    found, asked = made(), keys.fresh()
    told = released(found, "court", asked, false=True)
    release.require(told, KEYS[2], [found.digest])
    with pytest.raises(FalseShare) as refused:
        release.share(told, found.digest, 3, found.header.commitments[2], asked)
    assert refused.value.index == 3


def test_a_release_is_of_who_signed_it_and_of_all_that_was_asked_for() -> None:
    found = made()
    told = released(found, "police", keys.fresh())
    with pytest.raises(Invalid, match="not signed"):
        release.require(told, KEYS[2], [found.digest])
    with pytest.raises(Invalid, match="not signed"):
        release.require(structs.replace(told, opening="another"), KEYS[0], [found.digest])
    with pytest.raises(Invalid, match="segments"):
        release.require(told, KEYS[0], [found.digest, "another"])


# --- terms


def agreed(keep_hours: int = 72, reason: str = "", until: date | None = None) -> Terms:
    organisations = ("Police", "Data protection", "Court")
    custodians = zip(organisations, KEYS, strict=True)
    return Terms(tuple(Custodian(o, str(k)) for o, k in custodians), keep_hours, reason, until)


LONGER = agreed(200, "a trial", date(2026, 12, 31))


def test_terms_that_are_in_order() -> None:
    terms.require(agreed())
    terms.require(LONGER)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (structs.replace(agreed(), custodians=agreed().custodians[:2]), "3 custodians"),
        (structs.replace(LONGER, keep_hours=721), "30 days"),
        (structs.replace(agreed(), keep_hours=0), "from 1"),
        (structs.replace(agreed(), keep_hours=73), "a reason and a last day"),
        (structs.replace(LONGER, reason=" "), "a reason and a last day"),
        (
            structs.replace(
                agreed(),
                custodians=tuple(
                    structs.replace(one, organisation=name)
                    for one, name in zip(
                        agreed().custodians, ("Police", "police", "Court"), strict=True
                    )
                ),
            ),
            "another organisation",
        ),
        (structs.replace(agreed(), custodians=agreed().custodians[:1] * 3), "another key"),
    ],
)
def test_terms_that_are_wrong(wrong: Terms, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        terms.require(wrong)


def test_longer_than_usual_ends_with_its_last_day() -> None:
    assert LONGER.kept(date(2026, 12, 31)) == timedelta(hours=200)
    assert LONGER.kept(date(2027, 1, 1)) == timedelta(hours=72)


def test_what_would_open_more_is_said() -> None:
    spare = CustodianKey("spare", keys.fresh().public, KEYS[0].signing)
    changed = (*agreed().custodians[:2], Custodian("Ombudsman", str(spare)))
    assert terms.wider(agreed(), agreed()) == []
    assert terms.wider(LONGER, agreed()) == []
    assert "for 200 hours instead of 72: a trial" in terms.wider(agreed(), LONGER)[0]
    later = structs.replace(LONGER, until=date(2027, 6, 30))
    assert "until 2027-06-30" in terms.wider(LONGER, later)[0]
    (said,) = terms.wider(agreed(), structs.replace(agreed(), custodians=changed))
    assert said.startswith("spare (Ombudsman)")
    assert said.endswith("instead of court")


# --- lists


def line(n: int) -> listing.Line:
    since = AT + timedelta(seconds=10 * n)
    return listing.Line(f"{n:064x}", since, since + timedelta(seconds=10), f"{n}.seal")


def test_a_list_that_a_power_cut_left_keeps_its_whole_lines() -> None:
    raw = b"".join(map(listing.encoded, map(line, range(3))))
    assert listing.decoded(raw) == [line(0), line(1), line(2)]
    assert listing.decoded(raw[:-5]) == [line(0), line(1)]
    with pytest.raises(Invalid):
        listing.decoded(b"{}\n" + raw)


def test_what_is_missing_is_told() -> None:
    lines = [line(0), line(1), line(5)]
    found = listing.gaps(lines, AT, AT + timedelta(seconds=90))
    assert [(gap.since.second, (gap.until - gap.since).seconds) for gap in found] == [
        (20, 30),
        (0, 30),
    ]


def test_each_line_is_proven_by_the_verifiers_own_reckoning() -> None:
    from townsquare.cli import verifier

    for size in range(1, 18):
        lines = [line(n) for n in range(size)]
        for index, one in enumerate(lines):
            path = [bytes.fromhex(hash) for hash in listing.proof(index, lines)]
            assert verifier.root(index, size, path, one.leaf).hex() == listing.root(lines)
