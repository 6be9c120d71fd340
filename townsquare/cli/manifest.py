"""A manifest in an exported file (C2PA): whose opening it is from, sealed by the town.

Always holds: each export has another manifest, so that a copy with its manifest leads to one
opening; without the extra `export` there is none, which the export says.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from townsquare import __version__
from townsquare.model.errors import Invalid

ABSENT = 'footage.mp4 has no C2PA manifest: pip install "townsquare[export]" and open it again'


def marked(
    file: Path, told: Any, thumbprint: str, chain: str, sign: Callable[[bytes], bytes]
) -> None:
    """`sign` asks the town. Raises Invalid where there is no manifest; the file stays as it was."""
    try:
        import c2pa
    except ImportError as error:
        raise Invalid(ABSENT) from error
    # Reading it back costs as much again, and `footage verify` is there for that.
    context = c2pa.Context.from_dict({"verify": {"verify_after_sign": False}})
    claimed = c2pa.Builder(json.dumps(claim(told, thumbprint)), context)
    signer = c2pa.Signer.from_callback(sign, c2pa.C2paSigningAlg.ES256, chain)
    beside = file.with_suffix(".marked.mp4")
    try:
        claimed.sign_file(str(file), str(beside), signer)
    except c2pa.C2paError as error:
        beside.unlink(missing_ok=True)
        raise Invalid(f"footage.mp4 has no C2PA manifest: {error}") from error
    beside.replace(file)


def claim(told: Any, thumbprint: str) -> dict[str, Any]:
    captured = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    created = {"action": "c2pa.created", "digitalSourceType": captured}
    kept = ("id", "camera", "since", "until", "case", "organisation", "approvedBy", "checkpoint")
    return {
        "claim_generator_info": [{"name": "townsquare", "version": __version__}],
        "title": f"{told['camera']} {told['since']}",
        "format": "video/mp4",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {
                "label": "org.townsquare.opening",
                "data": {**{name: told[name] for name in kept}, "key": thumbprint},
            },
        ],
    }
