"""Give up, for good, what a process that only looks and counts does not need.

Landlock (Linux 5.13 and later): afterwards this process and its threads can neither start a
program nor create, change or remove a file, whatever a broken video makes the decoder do. What
it can still do is read files and open connections, so the level is "partial".
Constants: linux/landlock.h.
"""

import ctypes
import os
import sys

from townsquare.vision.observation import Sandbox

CREATE_RULESET, RESTRICT_SELF = 444, 446  # system calls, the same number on all architectures
ASK_VERSION = 1
SET_NO_NEW_PRIVS = 38  # prctl
READ_FILE, READ_DIR, TRUNCATE = 1 << 2, 1 << 3, 1 << 14
DENIED = ((1 << 13) - 1) & ~(READ_FILE | READ_DIR)  # of the 13 rights that version 1 knows


def confine() -> Sandbox:
    """The level that was reached. Call it before any thread is started: it holds for this thread
    and those that it starts.
    """
    if sys.platform != "linux":
        return "none"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, ASK_VERSION)
    if version < 1:
        return "none"  # a kernel without Landlock, or with it switched off
    denied = ctypes.c_uint64(DENIED | (TRUNCATE if version >= 3 else 0))
    rules = libc.syscall(CREATE_RULESET, ctypes.byref(denied), ctypes.sizeof(denied), 0)
    if rules < 0:
        return "none"
    try:
        if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(RESTRICT_SELF, rules, 0):
            return "none"
    finally:
        os.close(rules)
    return "partial"
