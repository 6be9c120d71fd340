"""Make `demo/square.mp4` from the clip in Debian's package opencv-doc.

    apt-get download opencv-doc && dpkg-deb -x opencv-doc_*.deb opencv-doc
    find opencv-doc -name 'vtest.avi*'
    python tools/make_clip.py opencv-doc/…/vtest.avi demo/square.mp4

Run by us when the clip is made anew, never by the product. It uses the system's ffmpeg; nothing
of the pictures is changed but their encoding, so truth measured on the source holds on the clip.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_BYTES = 3_000_000
KEY_FRAME_EVERY = 50  # frames, 5 s: a reader that starts in the middle soon has a picture


def encode(source: Path, target: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-an", "-map_metadata", "-1"]
    command += ["-c:v", "libx264", "-preset", "veryslow", "-b:v", "285k", "-pix_fmt", "yuv420p"]
    command += ["-g", str(KEY_FRAME_EVERY), "-threads", "1", "-fflags", "+bitexact"]
    with tempfile.TemporaryDirectory() as folder:
        log = ["-passlogfile", f"{folder}/pass"]
        subprocess.run([*command, "-pass", "1", *log, "-f", "null", "/dev/null"], check=True)
        end = ["-movflags", "+faststart", "-flags:v", "+bitexact", str(target)]
        subprocess.run([*command, "-pass", "2", *log, *end], check=True)


def unpacked(source: Path, folder: Path) -> Path:
    """Debian compresses large examples."""
    if source.suffix != ".gz":
        return source
    target = folder / source.stem
    with gzip.open(source) as packed, target.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description="Encode the demo's clip with H.264.")
    parser.add_argument("source", type=Path, help="vtest.avi or vtest.avi.gz")
    parser.add_argument("target", type=Path, help="the .mp4 file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        encode(unpacked(options.source, Path(folder)), options.target)
    size = options.target.stat().st_size
    print(f"{options.target}: {size} bytes")
    return 0 if size <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
