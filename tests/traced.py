"""What a process does that somebody else could see: its calls to the system, told by strace.

strace stands outside and misses none: every thread, from the first moment on, with every byte that
is written. (Looking at /proc now and then would miss what is opened and closed in between, and
Landlock says what is refused, not what was done.) It needs a Linux on which a process may trace its
own child.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STRACE = shutil.which("strace")
# All ways to say something to others: files and their names, sockets, shared memory, other
# processes and their memory. `?` is for calls that not every processor has.
WATCHED = (
    *("%file", "%network", "%ipc", "execve", "execveat", "?fork", "?vfork", "clone", "?clone3"),
    *("write", "pwrite64", "writev", "pwritev", "?pwritev2", "sendfile", "splice", "tee"),
    *("vmsplice", "?copy_file_range", "memfd_create", "mmap", "ftruncate", "fallocate"),
    *("fsetxattr", "fchmod", "fchown", "process_vm_writev", "ptrace", "kill", "tkill", "tgkill"),
    *("?io_uring_setup", "?io_submit", "mq_open", "mq_timedsend", "?pidfd_send_signal"),
)
CALL = re.compile(r"(\w+)\((.*)\) += (-?\w+|\?)(.*)")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    given: str  # as strace shows it, texts in hexadecimal
    gave: str

    @property
    def texts(self) -> list[bytes]:
        return [bytes.fromhex(found.replace("\\x", "")) for found in TEXT.findall(self.given)]

    @property
    def number(self) -> int:
        """Of the open file that it is about, which is its first argument."""
        return int(self.given.partition("<")[0])

    @property
    def failed(self) -> bool:
        return self.gave in ("-1", "?")


def works() -> bool:
    if STRACE is None:
        return False
    tried = subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], capture_output=True)
    return tried.returncode == 0


def command(program: Sequence[str], into: Path) -> list[str]:
    """The program, traced: each of its threads into a file of its own."""
    into.mkdir()
    how = ["-ff", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "9000000"]
    return [str(STRACE), *how, "-e", f"trace={','.join(WATCHED)}", "-o", str(into / "t"), *program]


def calls(into: Path) -> Iterator[Call]:
    """Of each thread in order, the first one's first."""
    for file in sorted(into.iterdir(), key=lambda file: int(file.suffix[1:])):
        for line in file.read_text().splitlines():
            if found := CALL.match(line):
                yield Call(*found.group(1, 2, 3))
