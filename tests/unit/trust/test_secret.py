"""Secrets are whole, and for their owner only."""

from pathlib import Path

import pytest

from townsquare.model.errors import CannotStart, Invalid
from townsquare.trust import secret


def test_a_token_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "token"
    made = secret.token(file)
    assert len(made) >= 32
    assert secret.token(file) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_a_token_that_was_cut_short_lets_nobody_in(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(CannotStart, match="holds no token"):
        secret.token(file)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "camera"
    secret.write(file, "user:password")
    assert secret.resolve("secret:camera", tmp_path) == "user:password"
    file.chmod(0o644)
    with pytest.raises(CannotStart, match="chmod 600"):
        secret.resolve("secret:camera", tmp_path)


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWNSQUARE_SECRET_MY_CAMERA", "from outside")
    assert secret.resolve("secret:my-camera", tmp_path) == "from outside"


@pytest.mark.parametrize("reference", ["camera", "secret:", "secret:../x", "secret:Nobody"])
def test_what_is_no_reference_is_named(tmp_path: Path, reference: str) -> None:
    with pytest.raises(Invalid):
        secret.resolve(reference, tmp_path)
