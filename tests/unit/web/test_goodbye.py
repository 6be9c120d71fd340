"""What the server writes when it ends."""

import asyncio
import logging

from townsquare.web.server import is_no_goodbye


def said(error: BaseException) -> logging.LogRecord:
    told = (type(error), error, None)
    return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "Exception", None, told)


def test_an_answer_that_was_cut_off_is_no_fault_and_a_fault_is_one() -> None:
    assert not is_no_goodbye(said(asyncio.CancelledError("Task cancelled")))
    assert is_no_goodbye(said(ValueError("wrong")))
    plain = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "Cancel 2 tasks", None, None)
    assert is_no_goodbye(plain)
