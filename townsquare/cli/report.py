"""`townsquare report`: what the running town reports about its own work."""

from typing import Annotated, Any

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

report = typer.Typer(no_args_is_help=True, help="Reports of the town's own work.")


@report.callback()
def _report() -> None:
    """Reports of the town's own work, made from what it keeps."""


@report.command()
def alarms(
    month: Annotated[str, typer.Option(help="Such as 2026-10; without: the last day.")] = "",
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Print how much alarms asked of an operator, by EEMUA 191 and ISA-18.2."""
    asked = f"/alerts/load?month={month}" if month else "/alerts/load"
    found = ask(data_folder(settings, data), "GET", asked)
    tell(found["month" if month else "day"], found["alarms"])


def tell(load: dict[str, Any], alarms: dict[str, Any]) -> None:
    shorter = "; less than 30 days, so indicative" if load["indicative"] else ""
    typer.echo(f"{load['position']}, {load['since']} to {load['until']}{shorter}")
    typer.echo(f"{load['annunciations']} alarms; {load['unknownH']:g} hours unknown")
    for figure in load["figures"]:
        typer.echo(f"  {figure['title']:48} {_value(figure):>9}  {figure['judgement'] or ''}")
    for flood in load["floods"]:
        until = flood["until"] or "now"
        typer.echo(f"  flood {flood['since']} to {until}: {flood['total']} alarms")
    for title, key in (("rang most", "frequent"), ("chatters", "chattering"), ("stale", "stale")):
        for one in load[key]:
            number = one.get("number") or one.get("times") or one.get("since")
            typer.echo(f"  {title:10} {number!s:>6}  {_name(one['alarm'], alarms)}")


def _value(figure: dict[str, Any]) -> str:
    value = figure["value"]
    if value is None:
        return "unknown"
    return f"{100 * value:.3g} %" if figure["unit"] == "share" else f"{value:.4g}"


def _name(id: str, alarms: dict[str, Any]) -> str:
    return f"{alarms[id]['name']} ({id})" if id in alarms else id
