"""Sealed footage on disk: keys that end, segments that are read, and what a power cut leaves."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.footage import TEN, Town
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust.seal import listing, segment
from townsquare.vision.sealed.hour_keys import FOLDER, HourKeys
from townsquare.vision.sealed.hours import hour_of, hours

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = hour_of(AT)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_what_was_recorded_opens_for_two_custodians(town: Town) -> None:
    line = town.record("market", AT, b"a clip")
    assert town.shelf.lines("market", HOUR) == [line]
    assert town.opened("market", line, ("police", "court")) == b"a clip"
    assert town.opened("market", line, ("data-protection", "court")) == b"a clip"
    with pytest.raises(Invalid, match="of 2 shares"):
        town.opened("market", line, ("police",))


def test_a_destroyed_hour_opens_for_nobody_and_the_others_do(town: Town) -> None:
    gone, kept = town.record("market", AT), town.record("market", AT + timedelta(hours=1))
    town.keys.destroy(HOUR)
    with pytest.raises(NotFound, match="was destroyed"):
        town.opened("market", gone, ("police", "data-protection", "court"))
    assert town.opened("market", kept)
    assert town.keys.hours() == [hour_of(kept.since)]


def test_keys_are_for_their_owner_and_for_no_backup(town: Town) -> None:
    folder = town.data / FOLDER
    public = town.keys.public(HOUR)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / HOUR).stat().st_mode) == 0o600
    assert (folder / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f")
    assert HourKeys(folder).public(HOUR) == public
    seed = town.keys.opening(HOUR).seed
    town.keys.destroy(HOUR)
    assert not [file for file in folder.iterdir() if seed in file.read_bytes()]


@pytest.mark.parametrize("name", ["../secrets/log-key", "2026-11-23", "hold-..", "", "."])
def test_no_other_file_is_a_key(town: Town, name: str) -> None:
    for act in (town.keys.public, town.keys.opening, town.keys.destroy):
        with pytest.raises(NotFound):
            act(name)


@pytest.mark.parametrize(
    ("camera", "hour", "file"),
    [
        ("..", HOUR, "1-000000.seal"),
        ("a/b", HOUR, "1-000000.seal"),
        ("market", "..", "1-000000.seal"),
        ("market", HOUR, "../../../hour-keys/x"),
    ],
)
def test_no_other_file_is_footage(town: Town, camera: str, hour: str, file: str) -> None:
    with pytest.raises(NotFound):
        town.shelf.segment(camera, hour, file)


def test_a_time_is_covered_by_the_segments_that_have_something_of_it(town: Town) -> None:
    before = AT - timedelta(seconds=5)
    lines = [town.record("market", before + n * TEN) for n in range(4)]
    found = town.shelf.covering("market", AT, AT + TEN)
    assert found == [("2026-11-23T08", lines[0]), (HOUR, lines[1])]
    assert town.shelf.covering("other", AT, AT + TEN) == []
    assert hours(before, AT + TEN) == ["2026-11-23T08", HOUR]


def test_after_a_power_cut_what_is_whole_is_listed_and_what_is_not_is_gone(town: Town) -> None:
    lines = [town.record("market", AT + n * TEN) for n in range(4)]
    there = town.shelf.at("market", HOUR)
    cut = there / lines[3].file
    cut.write_bytes(cut.read_bytes()[:-1000])
    (there / ".unfinished").write_bytes(b"half")
    (there / "list.jsonl").write_bytes(listing.encoded(lines[0]) + listing.encoded(lines[1])[:40])
    assert town.shelf.mend("market", HOUR) == [cut.name]
    assert town.shelf.lines("market", HOUR) == lines[:3]
    assert not (there / ".unfinished").exists()
    assert town.shelf.mend("market", HOUR) == []
    assert all(town.opened("market", line) for line in lines[:3])


def test_a_list_that_is_damaged_is_made_anew_from_the_segments(town: Town) -> None:
    lines = [town.record("market", AT + n * TEN) for n in range(3)]
    (town.shelf.at("market", HOUR) / "list.jsonl").write_bytes(b"\xff\n{}\n")
    town.shelf.mend("market", HOUR)
    assert town.shelf.lines("market", HOUR) == lines


def test_what_a_hold_is_on_outlives_its_hour_until_the_hold_ends(town: Town) -> None:
    held, other = town.record("market", AT, b"held"), town.record("market", AT + TEN)
    hold = "hold-0123456789abcdef"
    found = town.shelf.segment("market", HOUR, held.file)
    shares = segment.shares_of(found, town.keys.opening(HOUR))
    envelope = segment.enveloped(found, shares, town.keys.public(hold)).envelope
    town.shelf.hold("market", HOUR, held.file, hold, envelope)
    town.keys.destroy(HOUR)
    assert town.shelf.remove("market", HOUR, frozenset({hold})) == 1
    assert town.opened("market", held) == b"held"
    with pytest.raises(NotFound):
        town.shelf.segment("market", HOUR, other.file)
    assert town.shelf.lines("market", HOUR) == [held, other], "the list proves what is held"
    town.keys.destroy(hold)
    with pytest.raises(NotFound, match="destroyed"):
        town.opened("market", held)
    assert town.shelf.remove("market", HOUR) == 0
    assert town.shelf.hours("market") == []


def test_a_backup_without_keys_opens_nothing_once_the_hour_is_over(
    town: Town, tmp_path: Path
) -> None:
    line = town.record("market", AT)
    files = [file for file in town.data.rglob("*") if file.is_file()]
    tagged = {file.parent for file in files if file.name == "CACHEDIR.TAG"}
    saved = {file: file.read_bytes() for file in files if file.parent not in tagged}
    town.keys.destroy(HOUR)
    town.shelf.remove("market", HOUR)
    for file, content in saved.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    assert town.shelf.lines("market", HOUR) == [line]
    with pytest.raises(NotFound, match="destroyed"):
        town.opened("market", line, ("police", "data-protection", "court"))
    town.keys.public(HOUR)  # a new one opens nothing that is old
    with pytest.raises(Invalid):
        town.opened("market", line)
