"""A town that is killed while it calls people goes on where it was."""

from pathlib import Path

import httpx

from tests.e2e.phones import ringing
from tests.e2e.test_notify_screen import PUMP, SETTINGS, WITHIN_S, called_at
from tests.e2e.town import Town, eventually

LATER = SETTINGS.replace("after_s = [0, 2, 4]", "after_s = [0, 8, 9]")


def test_no_step_is_lost_and_none_is_told_as_another_when_the_town_is_killed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "townsquare.toml"
    arguments = ["run", "--settings", str(file)]
    town = Town(arguments, tmp_path / "town", program="tests.e2e.on_loopback")
    with ringing() as (called, port):
        file.write_text(called_at(port, LATER))
        town.start()
        try:
            headers = {"authorization": f"Bearer {town.new_token('integrator')}"}
            path = f"{town.url}/ngsi-ld/v1/entities"
            assert httpx.post(path, json=PUMP, headers=headers, timeout=60).status_code == 201
            eventually(called.names, WITHIN_S)
            town.kill()
            town.start()
            eventually(lambda: {"shift-lead", "broken"} <= set(called.names()), WITHIN_S)
        finally:
            town.stop()
    ids = {
        name: {body["id"] for who, body in called.told if who == name} for name, _ in called.told
    }
    assert set(ids) == {"duty-engineer", "shift-lead", "broken"}
    # What was sent when it was killed may come again, and then with the same id.
    assert {name: len(its) for name, its in ids.items()} == dict.fromkeys(ids, 1)
