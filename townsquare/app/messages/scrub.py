"""Takes out of a message what is nobody's business: names, addresses, keys. Pure.

Always holds: what is said here passes last, whoever wrote the message. It is the second line; the
first is that messages of the product are about things, and that what an exception says is left out
(`form.py`), since it may repeat what somebody sent.
"""

import re

GONE = "…"
LONGEST = 2_000  # characters of a message
PATTERNS = (
    # The login in an address, and what follows a question mark: cameras take passwords there.
    (re.compile(r"(?<=://)[^/\s@'\"]+@"), f"{GONE}@"),
    (re.compile(r"(\w+://[^\s?#'\"]*)[?#][^\s'\")>]*"), rf"\1?{GONE}"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), GONE),  # e-mail
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[\w.~+/=-]{8,}"), rf"\1 {GONE}"),
    (
        re.compile(r"(?i)\b(password|passwd|secret|token|authorization|cookie|key)(\s*[=:]\s*)\S+"),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"urn:ngsi-ld:Person:[^\s'\",)\]]+"), f"urn:ngsi-ld:Person:{GONE}"),
)
# Random text of the length of our tokens and links (once.py, sessions.py). Checksums are of 0-9 a-f
# only, and may be read.
RANDOM = re.compile(r"(?<![\w-])(?=[\w-]*[G-Zg-z_-])(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{30,}")


def scrubbed(text: str) -> str:
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return RANDOM.sub(GONE, text)[:LONGEST]
