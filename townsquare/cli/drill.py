"""`townsquare custodian drill`: try the custodians' keys, and walk through what may befall them."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.errors import CannotStart
from townsquare.trust.seal.rehearsal import REHEARSALS, Kind

ANSWER = "custodian.py answer KEYFILE"
NEW_KEY = (
    "On a machine of their own the custodian made a new key: custodian.py keygen NAME FILE",
    "Its line was compared by telephone, stands in [recording], and the town was started again",
    "Two approvers agreed to the new terms: townsquare footage terms, then /approvals",
    "The client believes the town's log: custodian.py trust FILE https://TOWN 'KEY OF ITS LOG'",
)
AFTER = "Begin a recovery drill with the new key: townsquare custodian drill recovery"
STEPS: dict[Kind, tuple[str, ...]] = {
    "change": (
        "The new custodian is of another organisation than the two who stay",
        *NEW_KEY,
        "The new custodian is invited at /accounts, and who left is disabled there",
        "Who left handed on the shares of before: custodian.py hand-on FILE",
        "Who left destroys the old key once nothing of before is kept",
        AFTER,
    ),
    "lost": (
        "The two other custodians and data protection were told on the same day",
        "Both of them tried their keys: until footage of before has ended, no other may be lost",
        *NEW_KEY,
        AFTER,
    ),
    "stolen": (
        "The two other custodians, security and data protection were told at once",
        "The account of this custodian is disabled at /accounts, and all its sessions ended",
        "Data protection decided on telling the authority, within 72 hours (GDPR, article 33)",
        "Each opening and hold since then was looked at: /control/custody and townsquare log",
        "The two others release nothing of before that they were not asked for in person",
        *NEW_KEY,
        "Whether keep_hours is made shorter, so that keys of hours end sooner, was decided",
        AFTER,
    ),
}

drill = typer.Typer(no_args_is_help=True, help="Try the keys of custodians, once a year and more.")
Done = Annotated[str, typer.Option(help="Answer for all steps, for scripts: yes, no or skipped.")]


@drill.command()
def recovery(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Begin a drill that all three custodians answer, or show how the one that runs stands."""
    folder = data_folder(settings, data)
    found = ask(folder, "GET", "/sealed/drills")["drills"]
    running = [one for one in found if one["status"] == "running"]
    told = running[0] if running else ask(folder, "POST", "/sealed/drills", {"kind": "recovery"})
    typer.echo(_recovery(told))


@drill.command()
def end(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """End the drill that runs, whoever has not answered."""
    folder = data_folder(settings, data)
    found = ask(folder, "GET", "/sealed/drills")["drills"]
    running = [one["drill"] for one in found if one["status"] == "running"]
    if not running:
        raise CannotStart("no drill runs")
    typer.echo(_recovery(ask(folder, "POST", f"/sealed/drills/{running[0]}/end")))


@drill.command("list")
def list_(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """The drills there were, newest first."""
    for one in ask(data_folder(settings, data), "GET", "/sealed/drills")["drills"]:
        typer.echo(f"{one['startedAt']}  {one['kind']:<9} {one.get('result', 'runs')}")


def _walk(kind: Kind) -> None:
    def command(
        settings: SettingsFile = SETTINGS, data: DataFolder = None, done: Done = ""
    ) -> None:
        folder = data_folder(settings, data)
        keep = ask(folder, "GET", "/sealed/drills")["keepHours"]
        until = datetime.now(UTC) + timedelta(hours=keep + 1)
        typer.echo("Tried just now, with made-up custodians:")
        for claim in REHEARSALS[kind]():
            typer.echo(f"  {'yes' if claim.held else 'NO '}  {claim.text}")
        typer.echo(
            f"What is sealed now can be opened until {until:%Y-%m-%d %H:%M} UTC, or a hold ends."
        )
        typer.echo("\nNow with the people whom it concerns, step by step:")
        steps = [_asked(n, text, done) for n, text in enumerate(STEPS[kind], 1)]
        told = ask(folder, "POST", "/sealed/drills", {"kind": kind, "steps": steps})
        typer.echo(f"\nRecorded: {told['result']}. See /control/custody.")

    command.__doc__ = {
        "change": "Walk through a change of custodian.",
        "lost": "Walk through a key that is lost.",
        "stolen": "Walk through a key, or a share, that is stolen.",
    }[kind]
    drill.command(kind)(command)


def _asked(number: int, text: str, done: str) -> dict[str, str]:
    typer.echo(f"{number}. {text}")
    said = done
    while said not in ("yes", "no", "skipped"):
        if not sys.stdin.isatty() and done == "":
            raise CannotStart("nobody is there to answer; use --done yes, no or skipped")
        said = cast("str", typer.prompt("   done? yes, no or skipped", default="yes")).strip()
    remark = "" if done else typer.prompt("   remark", default="", show_default=False)
    return {"text": text, "done": said, "remark": remark}


def _recovery(told: Any) -> str:
    rows = [f"drill {told['drill']}: {told.get('result') or told['status']}"]
    for one in told["custodians"]:
        answer = one["answer"]
        waits = told["status"] == "running" and answer == "missing"
        rows.append(
            f"  {one['organisation']} ({one['name']}): {'waits for ' + ANSWER if waits else answer}"
        )
    rows += [f"  {' and '.join(pair)} open it together" for pair in told.get("pairs", ())]
    rows += [
        f"  newest footage of {one['camera']}: {one['state']}" for one in told.get("shelf", ())
    ]
    if told["status"] == "running":
        rows.append(f"It ends at {told['validUntil']}, or with townsquare custodian drill end.")
    return "\n".join(rows)


for each in STEPS:
    _walk(each)
