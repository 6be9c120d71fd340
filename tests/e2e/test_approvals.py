"""What data protection sees and signs, in a real browser, and what everyone reads of it."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.test_accounts import Open, Person, assert_good, first_link
from tests.e2e.test_accounts import browser as browser
from tests.e2e.test_accounts import person as person
from tests.e2e.test_accounts import town as town
from tests.e2e.town import Town, eventually, run, settings

CAMERA = "urn:ngsi-ld:Camera:square"
ASK = """async ([subject, purpose]) => {
    const answer = await fetch("/approvals", {
        method: "POST",
        headers: {"content-type": "application/json"},
        body: JSON.stringify({act: "preview", subject, detail: {purpose}}),
    });
    return answer.status;
}"""


def invited(ada: Person, town: Town, name: str, organisation: str, role: str) -> str:
    """The link of somebody new."""
    ada.page.goto(f"{town.url}/accounts")
    form = ada.page.locator("form[action='/accounts/invite']")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Organisation").fill(organisation)
    form.get_by_label(role).check()
    form.get_by_role("button", name="Make a link").click()
    return ada.page.locator("output").inner_text()


def test_a_request_is_agreed_to_and_somebody_looks_who_did(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    town = open_town("run", "--settings", str(settings(tmp_path, ("square", "absent.mp4"))))
    ada, ole = person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    ada.in_control()
    ole.enrol(invited(ada, town, "Ole Officer", "Data office", "Data protection"), "Ole Officer")
    ole.in_control()
    assert ada.page.evaluate(ASK, [CAMERA, "crowd safety"]) == 201
    ada.page.goto(f"{town.url}/control")
    expect(ada.page.get_by_role("link", name="Accounts")).to_be_visible(timeout=20_000)
    assert ada.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ada.page.screenshot(path=tmp_path / "control.png")
    ada.page.get_by_role("link", name="Approvals").click()
    expect(ada.page.get_by_text("You asked for this")).to_be_visible()

    ole.page.get_by_role("link", name="Approvals").click()
    request = ole.page.locator(".approval")
    expect(request).to_contain_text("crowd safety")
    good(ole.page, tmp_path / "approvals")
    ole.verified(fits=False)
    request.get_by_role("button", name="Approve with a passkey").click()
    expect(ole.page.get_by_role("alert")).to_contain_text("Nothing was done")
    ole.verified(fits=True)
    request.get_by_role("button", name="Approve with a passkey").click()
    expect(ole.page.get_by_text("1 of 1 approval, Data office")).to_be_visible()

    assert ada.page.evaluate(ASK, [CAMERA, "crowd safety"]) == 201
    ole.page.reload()
    other = ole.page.locator(".approval").first
    other.get_by_label("Why not").fill("there is no need")
    other.get_by_role("button", name="Refuse").click()
    expect(ole.page.get_by_text("there is no need")).to_be_visible()

    for _ in range(2):
        assert ada.page.evaluate(ASK, [CAMERA, "operations"]) == 201
    ole.page.goto(f"{town.url}/who-looked")
    ole.page.get_by_label("Person or machine").fill("Ada Lovelace")
    ole.page.get_by_label("Why you search").fill("a complaint")
    ole.page.get_by_role("button", name="Search").click()
    expect(ole.page.locator(".entry").first).to_contain_text("Ada Lovelace")
    entries = ole.page.locator(".entries")
    expect(entries).to_contain_text("a request for approval about “Camera square”")
    several = entries.get_by_role("listitem").filter(has_text=re.compile(r"\d times")).first
    several.get_by_text("one by one").click()
    expect(several).to_contain_text("urn:ngsi-ld:Approval:")
    expect(ole.page.locator("table.days")).to_contain_text("changed")
    good(ole.page, tmp_path / "looked")
    ole.page.get_by_label("Given to").fill("the court")
    with ole.page.expect_download() as export:
        ole.page.get_by_role("button", name="Export with proofs").click()
    zipfile.ZipFile(export.value.path()).extractall(tmp_path / "export")
    assert "exported entries are in it" in run("log", "verify", str(tmp_path / "export")).stdout
    ada.page.goto(f"{town.url}/who-looked")
    expect(ada.page.get_by_role("heading", level=1)).not_to_contain_text("Who looked")


def test_everyone_reads_the_figures_and_the_models(
    town: Town, person: Callable[[], Person], tmp_path: Path
) -> None:
    visitor = person()
    visitor.page.goto(f"{town.url}/figures")
    expect(visitor.page.get_by_role("table")).to_contain_text("operations")
    good(visitor.page, tmp_path / "figures")
    visitor.page.get_by_role("link", name="Models").click()
    expect(visitor.page.get_by_text("who somebody is").first).to_be_visible()
    expect(visitor.page.get_by_text("measured error")).to_be_visible()
    expect(visitor.page.get_by_text("sha256:")).not_to_be_visible()
    good(visitor.page, tmp_path / "models")
    visitor.page.get_by_text("For engineers").click()
    expect(visitor.page.get_by_text("sha256:")).to_be_visible()
    good(visitor.page, tmp_path / "models-unfolded")
    visitor.page.get_by_role("link", name="Who may see what").click()
    expect(visitor.page.get_by_role("region", name="at a glance")).to_contain_text("Citizen")
    visitor.page.get_by_text("seeing.cedar").click()
    expect(visitor.page.get_by_text("readers-see-their-types").first).to_be_visible()
    good(visitor.page, tmp_path / "policy")


AGREED = """
@id("a-preview-needs-another-organisation")
@reason("a preview needs the approval of another organisation")
forbid (principal, action == Action::"command", resource)
when { resource.type == Type::"PreviewLease" && context.approvedBy.isEmpty() };
"""


def test_a_picture_is_offered_as_far_as_it_could_be_had(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    """Nobody could agree; then somebody could, and does."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.cedar").write_text(AGREED)
    file = settings(tmp_path, ("square", "absent.mp4"))
    town = open_town("run", "--settings", str(file))
    ada, ole = person(), person()
    ada.takes_over(first_link(town), "Ada Lovelace")
    room = ada.page.locator("camera-picture")
    expect(room).to_contain_text("give your role no picture of this place", timeout=30_000)
    expect(room.get_by_role("button")).to_have_count(0)

    ole.enrol(invited(ada, town, "Ole Officer", "Data office", "Data protection"), "Ole Officer")
    ole.in_control()
    expect(ole.page.locator("camera-picture")).to_contain_text("no picture", timeout=30_000)
    expect(ole.page.locator("camera-picture").get_by_role("button")).to_have_count(0)
    ada.page.goto(f"{town.url}/control")
    expect(room.get_by_role("button")).to_have_text(["Ask for approval"], timeout=30_000)
    good(ada.page, tmp_path / "offered")
    room.get_by_role("button", name="Ask for approval").click()
    expect(room).to_contain_text("Waiting for somebody of another organisation")
    ole.page.goto(f"{town.url}/approvals")
    ole.page.get_by_role("button", name="Approve with a passkey").click()
    expect(ole.page.get_by_text("Data office").first).to_be_visible()
    expect(room.get_by_role("progressbar")).to_be_visible(timeout=30_000)


PROPOSED = """
@id("engineers-see-alarms-end") @reason("engineers look at streets")
forbid (principal in Role::"engineer", action in Action::"see", resource)
when { resource.type == Type::"Alert" };

@id("security-sees-counts")
permit (principal in Role::"security", action in Action::"see", resource)
when { [Type::"CrowdFlowObserved", Type::"TrafficFlowObserved"].contains(resource.type) };
"""


def test_everyone_reads_in_words_what_a_proposal_gives_and_takes(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    file = settings(tmp_path)
    town = open_town("run", "--settings", str(file))
    person().takes_over(first_link(town), "Ada Lovelace")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.cedar").write_text(PROPOSED)
    where = ("--settings", str(file), "--data", str(town.data))
    proposed = run("policy", "propose", *where)
    assert "Security engineer: may now see" in proposed.stdout, proposed.stderr
    visitor = person()
    visitor.page.goto(f"{town.url}/policy")
    wider, narrower = visitor.page.locator(".wider"), visitor.page.locator(".narrower")
    expect(wider).to_contain_text("Security engineer")
    expect(wider).to_contain_text("counts of people and counts of vehicles")
    expect(narrower).to_contain_text("Engineer")
    expect(narrower).to_contain_text("may no longer see, see the past of and hear of changes")
    expect(wider).not_to_contain_text("principal")
    good(visitor.page, tmp_path / "proposal")


def test_everyone_reads_what_a_camera_lacks_and_what_is_overdue(
    open_town: Open, person: Callable[[], Person], tmp_path: Path
) -> None:
    file = settings(tmp_path, ("late", "absent.mp4"), ("vague", "absent.mp4"))
    late, vague = file.read_text().split('name = "vague"')
    late = late.replace("2099-01-01", "2026-01-31")
    vague = vague.replace('"crowd safety"', '"safety"').replace("impact_assessment", "#")
    file.write_text(f'{late}name = "vague"{vague}')
    town = open_town("run", "--settings", str(file))
    vague_id = "urn:ngsi-ld:Camera:vague"
    eventually(lambda: town.entity(vague_id).get("status") == "failing")  # the page is of a moment
    visitor = person()
    visitor.page.goto(town.url)
    card = visitor.page.locator("#camera-late")
    expect(card.get_by_text("review overdue", exact=True)).to_be_visible()
    card = visitor.page.locator("#camera-vague")
    expect(card).to_contain_text("it is not live: purposes: 'safety' is no purpose")
    expect(card).to_contain_text("impact_assessment is missing")
    expect(card.get_by_text("review overdue", exact=True)).to_have_count(0)
    good(visitor.page, tmp_path / "cards")
    checked = run("check", "--settings", str(file), "--data", str(tmp_path / "other"))
    assert checked.returncode == 2
    assert "camera vague: it is not live: purposes: 'safety'" in checked.stdout


def good(page: Page, picture: Path) -> None:
    """Kept as pictures, to be looked at."""
    assert_good(page)
    page.screenshot(path=f"{picture}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=f"{picture}-phone.png", full_page=True)
    page.set_viewport_size({"width": 1366, "height": 768})
