"""The `townsquare` command; one file a subcommand.

What goes wrong on purpose ends in one sentence on standard error and exit code 2.
"""

import sys
from typing import Annotated

import typer

from townsquare import __version__
from townsquare.cli import custodian
from townsquare.cli.accounts import accounts
from townsquare.cli.backup import backup, backup_key, restore
from townsquare.cli.cameras import cameras
from townsquare.cli.check import check
from townsquare.cli.clock import clock
from townsquare.cli.count import count
from townsquare.cli.demo import demo
from townsquare.cli.doctor import doctor
from townsquare.cli.drill import drill
from townsquare.cli.evaluate import evaluate
from townsquare.cli.exit import export, import_
from townsquare.cli.footage import footage
from townsquare.cli.init import init
from townsquare.cli.log import log
from townsquare.cli.models import models
from townsquare.cli.policy import policy
from townsquare.cli.report import report
from townsquare.cli.run import run
from townsquare.cli.token import token
from townsquare.cli.witness import witness
from townsquare.model.errors import Denied, TownsquareError

commands = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    init,
    run,
    check,
    doctor,
    count,
    evaluate,
    witness,
    backup,
    backup_key,
    restore,
):
    commands.command()(command)
commands.command()(export)
commands.command("import")(import_)
commands.add_typer(accounts, name="accounts")
commands.add_typer(token, name="token")
commands.add_typer(policy, name="policy")
commands.add_typer(log, name="log")
commands.add_typer(footage, name="footage")
commands.add_typer(clock, name="clock")
commands.add_typer(report, name="report")
commands.add_typer(models, name="models")
commands.add_typer(cameras, name="cameras")


custodians = typer.Typer(
    no_args_is_help=True,
    help="For a custodian of footage, also as one file: custodian.py. And the town's drills.",
)
custodians.add_typer(drill, name="drill")
commands.add_typer(custodians, name="custodian")


def _passed_on(act: str, help: str) -> None:
    @custodians.command(
        act,
        help=help,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
    )
    def passed(context: typer.Context) -> None:
        try:
            custodian.main([act, *context.args])
        except custodian.Wrong as wrong:
            raise Denied(str(wrong)) from wrong


for _act, _help in custodian.HELP.items():
    _passed_on(_act, _help)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"townsquare {__version__}")
        raise typer.Exit


@commands.callback()
def townsquare(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """A city operations platform that a town runs itself, answers for, and can leave."""


def main() -> None:
    try:
        commands(prog_name="townsquare")
    except TownsquareError as error:
        sys.stderr.write(f"townsquare: {error}\n")
        sys.exit(2)
