"""Give up, for good, what a process that only looks and counts does not need.

Landlock (Linux 5.13 and later): afterwards this process can neither start a program nor create,
change or remove a file, and it can read only programs, what the system says of itself, and the
files of its own cameras, whatever a broken video makes the decoder do. It can still open
connections, and use a graphics card where it is to, so the level is "partial".
Constants: linux/landlock.h.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Sandbox = Literal["partial", "none"]
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all architectures
ASK_VERSION, PATH_BENEATH = 1, 1
SET_NO_NEW_PRIVS = 38  # prctl
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
# To open a folder is to settle what was added; what lies there already cannot be read.
ADD = WRITE_FILE | READ_DIR | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14  # remove, folder, file, truncate
IOCTL_DEV, IOCTL_DEV_SINCE = 1 << 15, 5  # version
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # to files, that each version knows
SCOPED_SINCE = 6  # version
SCOPES = 0b11  # abstract sockets of others, and signals to others
READABLE = (
    *("/usr", "/lib", "/lib32", "/lib64"),
    # Names of hosts, and certificates. Folders, since these files are replaced while we run.
    *("/etc", "/etc/resolv.conf"),
    *("/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf"),
    # What inference wants to know of the processors and of this process.
    *("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/dev/null", "/dev/urandom", "/dev/random"),
)
NEEDED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ")
PACKAGES = {"site-packages", "dist-packages"}

Identity = tuple[int, int] | None  # device and inode; None where there is no file


@dataclass(frozen=True, slots=True)
class Confined:
    """`tasks` is the open folder of this process's threads, None where nothing confines them."""

    tasks: int | None = None
    files: Mapping[str, Identity] = field(default_factory=dict)

    def level(self) -> Sandbox:
        """As it is now, of all threads."""
        if self.tasks is None:
            return "none"
        try:
            held = all(_held(self.tasks, task) for task in os.listdir(self.tasks))
        except OSError:
            return "none"
        return "partial" if held else "none"

    def replaced(self, path: str) -> bool:
        """Whether another file lies there by now: only a process that begins anew may read it."""
        return path in self.files and self.files[path] != identity(path)


def confine(
    files: Iterable[str] = (), devices: Iterable[str] = (), added_to: Iterable[str] = ()
) -> Confined:
    """`files` stay readable, `devices` can be used, and files be made in the folders `added_to`.
    Call it before any thread is started, and that is before numpy and the inference are loaded: it
    holds for this thread and those that it starts.
    """
    files = {path: identity(path) for path in files}
    if sys.platform != "linux":
        return Confined()
    # Kept open: the kernel would otherwise forget what was allowed of a folder in /proc.
    tasks = os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    alone = len(os.listdir(tasks)) == 1
    held = _restrict([*READABLE, *packages(), *files], devices, added_to)
    return Confined(tasks, files) if held and alone else Confined(None, files if held else {})


def environment() -> dict[str, str]:
    """Nothing of the house's but what Python needs to start: who knows what else is a secret."""
    kept = {name: os.environ[name] for name in NEEDED if name in os.environ}
    # Each reading thread would otherwise get heaps of its own, 100 MB for a few cameras.
    return kept | {"MALLOC_ARENA_MAX": "2"}


def packages() -> list[str]:
    """Where Python and what it loads lie. Not its whole path, which begins where we run."""
    ours = Path(__file__).parents[1]
    return [
        *(sys.prefix, sys.base_prefix, str(ours)),
        *(path for path in sys.path if Path(path).name in PACKAGES),
    ]


def identity(path: str) -> Identity:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _held(tasks: int, task: str) -> bool:
    def opener(path: str, flags: int) -> int:
        return os.open(path, flags, dir_fd=tasks)

    try:
        with open(f"{task}/status", opener=opener) as status:
            return any(line.split() == ["NoNewPrivs:", "1"] for line in status)
    except (FileNotFoundError, ProcessLookupError):
        return True  # a thread that ended meanwhile


def _restrict(
    readable: Iterable[str], devices: Iterable[str], added_to: Iterable[str] = ()
) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, ASK_VERSION)
    if version < 1:
        return False  # a kernel without Landlock, or with it switched off
    denied = struct.pack("Q", (1 << RIGHTS[min(version, max(RIGHTS))]) - 1)
    if version >= SCOPED_SINCE:
        denied += struct.pack("QQ", 0, SCOPES)  # 0: nothing of the network
    rules = libc.syscall(CREATE_RULESET, denied, len(denied), 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            rights = READ_FILE | READ_DIR if Path(path).is_dir() else READ_FILE
            _allow(libc, rules, path, rights)
        orders = IOCTL_DEV if version >= IOCTL_DEV_SINCE else 0
        for path in devices:
            _allow(libc, rules, path, READ_FILE | WRITE_FILE | orders)
        for path in added_to:
            _allow(libc, rules, path, ADD & (1 << RIGHTS[min(version, max(RIGHTS))]) - 1)
        no_more = libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        return bool(no_more and libc.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    """What is not there needs no rule; what gets none cannot be opened."""
    try:
        there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        libc.syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, there), 0)
    finally:
        os.close(there)
