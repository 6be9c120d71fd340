"""List every place where a house rule is broken on purpose, with its reason.

Looks at comments and decorators of tracked Python files: `noqa`, `type: ignore`, `pragma`, and
tests that are skipped or expected to fail. A line without a reason is listed first and makes the
command fail; the reason is what follows the mark, or `reason=` of a test.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore|pragma)(?P<what>:?\s*[\[A-Z][^#]*?|:\s*[^#]*?)?"
    r"(?:\s+(?:-|#)\s*(?P<reason>.+))?$"
)
SETS_ASIDE = {"skip", "skipif", "xfail", "importorskip"}


@dataclass(frozen=True, slots=True)
class Breach:
    place: str  # file:line
    kind: str
    reason: str


def in_comments(name: str, text: str) -> Iterator[Breach]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (found := MARK.search(token.string)):
            kind = f"{found['kind']}{(found['what'] or '').rstrip()}"
            yield Breach(f"{name}:{token.start[0]}", kind, found["reason"] or "")


def in_tests(name: str, text: str) -> Iterator[Breach]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.startswith("pytest.") and called.rpartition(".")[2] in SETS_ASIDE:
                yield Breach(f"{name}:{node.lineno}", called, reason(node))


def reason(call: ast.Call) -> str:
    """`reason=`, or what pytest.skip is called with."""
    given = {k.arg: k.value for k in call.keywords}
    said = given.get("reason") or (call.args[0] if call.args else None)
    return ast.unparse(said).strip("'\"f") if said else ""


def breaches(root: Path) -> Iterator[Breach]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=root, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (root / name).exists():
            text = (root / name).read_text()
            yield from in_comments(name, text)
            yield from in_tests(name, text)


def main() -> int:
    found = sorted(breaches(ROOT), key=lambda b: (bool(b.reason), b.kind, b.place))
    for one in found:
        print(f"{one.place:52} {one.kind:24} {one.reason or 'NO REASON GIVEN'}")
    kinds = Counter(re.split(r"[:\[ ]", one.kind)[0] for one in found)
    print(", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none", end="; ")
    print(f"{len(found)} exceptions in all")
    return 1 if any(not one.reason for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
