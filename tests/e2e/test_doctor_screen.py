"""An open page of the doctor shows what goes wrong and what is mended, by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.contract.test_doctor import certificate
from tests.e2e.test_accounts import Open, assert_good
from tests.e2e.test_accounts import browser as browser
from tests.e2e.town import settings

DAY = timedelta(days=1)
TLS = '[web]\ncertificate = "proxy.pem"\n'
PATIENCE_MS = 60_000  # on a busy machine


def test_a_certificate_that_ends_is_shown_and_gone_once_it_is_renewed(
    open_town: Open, browser: Browser, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    proxy = tmp_path / "proxy.pem"
    proxy.write_bytes(certificate(now + 90 * DAY))
    file = settings(tmp_path, rules=TLS)
    town = open_town("run", "--open", "--settings", str(file))
    with browser.new_page() as page:
        page.goto(f"{town.url}/doctor")
        row = page.locator("#certificates")
        expect(row).to_contain_text("good", timeout=PATIENCE_MS)
        assert_good(page)
        proxy.write_bytes(certificate(now - DAY))
        expect(row).to_contain_text("alarm", timeout=PATIENCE_MS)
        expect(row).to_contain_text("Renew it")
        expect(page.get_by_role("status")).to_have_text("Something needs a person now.")
        assert_good(page)
        proxy.write_bytes(certificate(now + 90 * DAY))
        expect(row).to_contain_text("good", timeout=PATIENCE_MS)
        town.kill()
        expect(page.get_by_role("alert")).to_contain_text("STALE", timeout=PATIENCE_MS)
