"""Why a camera gives no pictures: a closed list, since what a worker says becomes public.

A worker tells the code and no word of its own; the sentence is put together where it is read.
"""

from typing import Literal

from townsquare.model.errors import Unavailable
from townsquare.vision.address import for_everyone, without_login

Size = tuple[int, int]  # of a picture, in pixels
Trouble = Literal[
    "",
    "missing",
    "unreadable",
    "notVideo",
    "noVideo",
    "noPicture",
    "cutOff",
    "broken",
    "garbled",
    "refused",
    "noAnswer",
    "stopped",
    "ended",
    "tooLarge",
    "outside",
    "noMetres",
]
HARMLESS: frozenset[Trouble] = frozenset({"", "noMetres"})  # with these counting goes on
SENTENCES: dict[Trouble, str] = {
    "": "",
    "missing": "{} does not exist; check the camera's url",
    "unreadable": "{} cannot be read; check the file and its owner",
    "notVideo": "{} is empty, cut off or no video; copy or export it anew",
    "noVideo": "{} has no video in it; check the camera's url",
    "noPicture": "{} holds no picture; copy or export it anew",
    "cutOff": "{} ends long before it should; it was cut off, copy it anew",
    "broken": "{} cannot be read on; copy or export it anew",
    "garbled": "{} sends no readable video; it is tried again, check the camera",
    "refused": "{} refuses the login; it is tried again, check the login",
    "noAnswer": "{} does not answer; it is tried again, check the camera, its address and its"
    " login",
    "stopped": "{} stopped sending; it is tried again, check the camera",
    "ended": "{} ended; it is tried again, check the camera",
    "tooLarge": "{} sends larger pictures than are read (8K); set the camera to smaller ones",
    "outside": "a line, zone or mask does not fit the picture of {}; draw it on the picture as it"
    " is now",
    "noMetres": "the ground points of {} fit neither each other nor its picture, so nothing is told"
    " in metres; measure them again",
}


def sentence(trouble: Trouble, url: str, size: Size | None = None) -> str:
    """For pages that everyone reads: names a file, but no folder and no address."""
    said = SENTENCES[trouble].format(for_everyone(url))
    if trouble == "outside" and size is not None:
        said += f", {size[0]} x {size[1]} pixels"
    return said


class NoPictures(Unavailable):
    """The message is for the people who keep the cameras: it says where, but never the login."""

    def __init__(self, trouble: Trouble, url: str, why: str = "", size: Size | None = None) -> None:
        said = SENTENCES[trouble].format(without_login(url))
        super().__init__(f"{said} ({why})" if why else said)
        self.trouble, self.size = trouble, size
