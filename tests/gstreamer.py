"""A camera that is somebody else's work: GStreamer's RTSP server, which asks for a login."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SYSTEM = "/usr/bin/python3"  # the bindings are Debian's, and not to be had in an environment
PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good"
PROGRAM = Path(__file__).with_name("gstreamer_rtsp.py")


@contextlib.contextmanager
def rtsp_camera(film: Path, user: str, password: str) -> Iterator[str]:
    """Its address, at which `film` (H.264 in MP4) is shown over and over."""
    try:
        server = subprocess.Popen(
            [SYSTEM, str(PROGRAM), str(film), user, password],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except FileNotFoundError:
        pytest.skip(f"no {SYSTEM}")
    with server:
        try:
            assert server.stdout
            port = server.stdout.readline().strip()
            if not port:
                pytest.skip(f"no RTSP server of GStreamer: apt-get install {PACKAGES}")
            yield f"rtsp://127.0.0.1:{port}/live"
        finally:
            server.kill()
