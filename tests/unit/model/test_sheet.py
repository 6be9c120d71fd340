"""Tables as CSV: what people wrote is text, also for a spreadsheet."""

import csv
import io

import pytest

from townsquare.model import sheet

HOSTILE = ('=HYPERLINK("http://x","y")', "+1+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(sheet.written([["Mill Lane", text]]), newline=""))
    assert row == ["Mill Lane", f"'{text}"]


def test_numbers_stay_numbers_and_the_unknown_stays_empty() -> None:
    (row,) = csv.reader(io.StringIO(sheet.written([[-3.5, "-3.5", "+1e3", None, 7]])))
    assert row == ["-3.5", "-3.5", "+1e3", "", "7"]
