"""Attempts at the abuse cases of tests/abuse.py. Each is refused, and its twin is not.

The twin takes one control away and tries the same: it must succeed, which shows that the attempt
can see the control, and that no other one happens to stand in the way.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import msgspec
import onnx
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper

from tests import absence, attempts_on_footage, attempts_on_log, attempts_on_openings
from tests.abuse import CASES, DOCUMENT, Attempt, Attempts, table, written
from tests.conftest import OpenBroker
from tests.contract.test_previews import House, street
from tests.square import SQUARE
from townsquare import app
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import CannotStart, Denied, Invalid
from townsquare.model.town import Town
from townsquare.register import api as register_api
from townsquare.trust import approval_entity, approvals, versions
from townsquare.trust.policy import Grant, policy
from townsquare.trust.texts import builtin
from townsquare.vision import api, detect, following, observation
from townsquare.vision.detectors import listed
from townsquare.vision.run import opened
from townsquare.web.policy.ruling import Ruling

VENDOR = Actor("machine:vendor", "machine", "Vendor", frozenset({"integrator"}))
BESIDE = (attempts_on_log, attempts_on_footage, attempts_on_openings)
ATTEMPTS: Attempts = Attempts(one for beside in BESIDE for one in beside.ATTEMPTS)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an attempt may use: an empty folder, and a city in memory with the house's types."""

    folder: Path
    open_broker: OpenBroker

    def city(self) -> Broker:
        return self.open_broker(*app.TYPES)


@pytest.fixture
def scene(tmp_path: Path, open_broker: OpenBroker) -> Scene:
    return Scene(tmp_path, open_broker)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: f"{a.case} {a.what}")
async def test_it_is_refused(attempt: Attempt, scene: Scene) -> None:
    await attempt.attempt(scene)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda a: f"{a.case} {a.what}")
async def test_without_the_control_it_succeeds(
    attempt: Attempt, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.without(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await attempt.attempt(scene)


def test_the_document_has_the_table() -> None:
    document = DOCUMENT.read_text()
    assert written(document, table(ATTEMPTS)) == document, "run: python -m tests.abuse"


def test_a_case_is_met_or_waits() -> None:
    met = {attempt.case for attempt in ATTEMPTS}
    assert met <= CASES.keys()
    assert [name for name, case in CASES.items() if not case.waits and name not in met] == []


def everything_allowed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("townsquare.context.grants.decide", lambda *_: Grant(True))


# --- A01 to A04: looking


def any_words_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(observation, "_decoder", msgspec.json.Decoder(dict))


@ATTEMPTS.of("A01", "a number of a track does not leave a vision worker", any_words_pass)
async def a_track_leaves_the_worker(_: Scene) -> None:
    seen = {"observed": "crossings", "camera": "square", "line": "west", "of": "person"}
    times = {"since": "2030-06-01T12:00:00Z", "until": "2030-06-01T12:00:01Z"}
    line = msgspec.json.encode({**seen, **times, "direction": "in", "n": 1, "track": 7})
    with pytest.raises(Invalid):
        observation.read(line)


def no_lease_needed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(api, "require", lambda *_: None)


@ATTEMPTS.of("A01", "no preview without a lease of this camera and person", no_lease_needed)
async def a_picture_without_a_lease(scene: Scene) -> None:
    house = House(scene.city())
    async with house.client:
        assert (await house.picture("")).status_code == 403


def any_path(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(following, "follows", lambda *_: False)


@ATTEMPTS.of("A01", "nor a fourth neighbouring camera in ten minutes; the log keeps it", any_path)
async def from_camera_to_camera(scene: Scene) -> None:
    house = House(scene.city(), street("a", "b", "c", "d"))
    async with house.client:
        answers = [(await house.asked(name)).status_code for name in "abcd"]
        assert answers == [201, 201, 201, 403]
    assert b"a preview was refused" in (await house.broker.store.log(3, 1))[0].record


def nothing_published(patch: pytest.MonkeyPatch) -> None:
    hidden = [replaced(t, published=frozenset()) for t in app.TYPES]
    patch.setattr(app, "TYPES", hidden)


@ATTEMPTS.of("A20", "a camera that is watched is on the public page", nothing_published)
async def a_camera_that_nobody_shows(scene: Scene) -> None:
    city = scene.city()
    await opened([SQUARE], city, Town())
    try:
        shown = [card.name for card in await register_api.cards(city, Town())]
    except Denied:
        shown = []
    assert shown == ["square"]


@ATTEMPTS.of("A03", "a vendor gets no lease, and so no picture", everything_allowed)
async def a_vendor_looks(scene: Scene) -> None:
    house = House(scene.city())
    house.visitor = VENDOR
    async with house.client:
        asked = {"purpose": SQUARE.purposes[0]}
        answer = await house.client.post("/vision/cameras/square/preview", json=asked)
        assert answer.status_code == 403
        assert house.workers.wanted == {}


@ATTEMPTS.of("A04", "values of this moment are not public", everything_allowed)
async def the_public_reads_this_moment(scene: Scene) -> None:
    city = scene.city()
    count = {"peopleCount": (Attribute(7),)}
    live = Entity("urn:ngsi-ld:CrowdFlowObserved:l", ("CrowdFlowObserved",), count, scope=(LIVE,))
    await city.apply([Change("create", live)], room("vision"), Why("operations"))
    query = Query(types=("CrowdFlowObserved",))
    assert (await city.find(query, ANYONE, Why("public information"))).entities == []


# --- A02, A18, A19: approvals


NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
KEY = b"a public key"
ASKER = approvals.Party("urn:ngsi-ld:Person:a", "Police", frozenset({approvals.authenticator(KEY)}))
THERE = approvals.Approvers(
    frozenset({"data-protection"}), {"urn:ngsi-ld:Person:b": frozenset({"data-protection"})}
)
STREET = {"purpose": "investigation", "case": "12/30"}


def asked_for() -> approvals.Approval:
    request = approvals.asked("open", "urn:ngsi-ld:Camera:square", STREET, ASKER.id, NOON)
    return approvals.Approval(approval_entity.fresh_id(), request, ASKER.organisation, needed=1)


def agreed(by: str, organisation: str, key: bytes, of: approvals.Approval) -> approvals.Signature:
    told = approvals.digest(of.request).hex()
    return approvals.Signature(by, organisation, approvals.authenticator(key), NOON, told)


def every_signature_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals, "_of_signature", lambda *_: [])


@ATTEMPTS.of("A02", "nobody approves what they ask for", every_signature_counts)
async def somebody_approves_their_own_request(_: Scene) -> None:
    asked = asked_for()
    with pytest.raises(Denied, match="who asks cannot approve"):
        approvals.signed(asked, ASKER, agreed(ASKER.id, "Police", b"another", asked))


def once_an_approver_always_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals.Approvers, "objection", lambda *_: "")


@ATTEMPTS.of("A02", "nor does who approves no more agree to it", once_an_approver_always_one)
async def an_approver_has_lost_the_role_since(_: Scene) -> None:
    asked = asked_for()
    one = approvals.signed(asked, ASKER, agreed("urn:ngsi-ld:Person:b", "Court", b"other", asked))
    assert approvals.require(one, ASKER, THERE, NOON) == {"Court"}
    now = replace(THERE, present={"urn:ngsi-ld:Person:b": frozenset({"operator"})})
    with pytest.raises(Denied, match="no role any more"):
        approvals.require(one, ASKER, now, NOON)


def every_key_is_another(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals, "authenticator", lambda _: token_hex())


@ATTEMPTS.of("A18", "a second account with the same authenticator", every_key_is_another)
async def one_person_has_two_accounts(_: Scene) -> None:
    asked = asked_for()
    with pytest.raises(Denied, match="an authenticator of who asked"):
        approvals.signed(asked, ASKER, agreed("urn:ngsi-ld:Person:b", "Court", KEY, asked))


def digests_say_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approvals, "digest", lambda _: b"")


@ATTEMPTS.of("A19", "a request of which any field was changed", digests_say_nothing)
async def the_window_is_widened(_: Scene) -> None:
    asked = asked_for()
    one = approvals.signed(asked, ASKER, agreed("urn:ngsi-ld:Person:b", "Court", b"other", asked))
    assert approvals.objections(one, ASKER, THERE, NOON) == []
    wider = replace(one.request, detail={**STREET, "case": "any"})
    assert approvals.objections(replace(one, request=wider), ASKER, THERE, NOON) != []


# --- A14: somebody adds it


def inert(name: str, sizes: Sequence[int]) -> bytes:
    """A graph that hands on what it is given."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, sizes) for n in ("given", name)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["given"], [name])], "inert", ends[:1], ends[1:]
    )
    return bytes(helper.make_model(graph).SerializeToString())


def no_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(listed, "_checked", lambda path, *_: path.read_bytes())


@ATTEMPTS.of("A14", "a model that is not on the list is not loaded", no_list)
async def a_model_of_ones_own(scene: Scene) -> None:
    shipped = listed.card(detect.DEFAULT)
    (scene.folder / "nanodet.onnx").write_bytes(inert("scores", [7, 3549]))
    with pytest.raises(CannotStart, match="is not what the list of models"):
        detect.of(replaced(shipped, folder=scene.folder))


def no_words(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absence, "WORDS", frozenset())
    patch.setattr(absence, "PACKAGES", frozenset())


@ATTEMPTS.of("A14", "a package, column or route made for it turns the build red", no_words)
async def a_package_and_a_column(_: Scene) -> None:
    assert absence.refused(["numpy", "insightface", "dlib"]) == ["dlib", "insightface"]
    assert absence.suspicious(["id", "face_embedding"], absence.WORDS) == ["face_embedding"]


def no_vectors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absence, "EMBEDDING", range(0))


@ATTEMPTS.of("A14", "a graph whose output could stand for a person turns it red", no_vectors)
async def a_graph_with_a_head(_: Scene) -> None:

    graph = onnx.load_from_string(inert("out", [1, 512])).graph
    assert absence.heads(absence.onnx_outputs(graph)) == ["out: a vector of 512 values"]


# --- A22: loosening the policy


LOOSER = '@id("looser") permit (principal in Role::"engineer", action in Action::"see", resource);'


def whatever_is_there_is_in_force(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(versions, "judged", lambda *_, **__: versions.Verdict("own"))


@ATTEMPTS.of("A22", "a policy that nobody agreed to lets nobody in", whatever_is_there_is_in_force)
async def a_developer_loosens_the_policy(scene: Scene) -> None:
    city, engineer = scene.city(), Actor("e", "person", "Town", frozenset({"engineer"}))
    await Ruling(city, builtin, own=False).open()
    await Ruling(city, lambda: {**builtin(), "own.cedar": LOOSER}, own=False).open()
    assert not city.grant(engineer, Why("operations"), "read", "Person").allowed
    assert not city.grant(ANYONE, Why("public information"), "read", "Camera").allowed


def only_texts_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(versions, "basis", lambda rules: rules.hash)


@ATTEMPTS.of("A22", "nor do types that code declares more open than before", only_texts_count)
async def a_developer_opens_a_type(scene: Scene) -> None:
    city = scene.city()
    await Ruling(city, builtin, own=False).open()
    types = [
        dataclasses.replace(type, readers=type.readers | {"citizen"})
        if type.name == "Alert"
        else type
        for type in city.policy.types.values()
    ]
    city.adopt(policy(types).shut("not yet"))
    await Ruling(city, builtin, own=False).open()
    assert not city.grant(ANYONE, Why("public information"), "read", "Alert").allowed
