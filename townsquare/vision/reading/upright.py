"""A picture that was taken with the camera on its side, as a person sees it."""

from collections.abc import Mapping

from av import VideoFrame
from av.filter import Graph

# What FFmpeg's filters are called that undo each turn (degrees, against the clock).
TURNS: Mapping[int, tuple[tuple[str, str], ...]] = {
    90: (("transpose", "cclock"),),
    180: (("hflip", ""), ("vflip", "")),
    270: (("transpose", "clock"),),
}


class Upright:
    """Turns pictures of one stream; keeps what it needs for that as long as they stay alike."""

    def __init__(self) -> None:
        self.alike: tuple[int, int, str, int] | None = None
        self.graph: Graph | None = None

    def turned(self, frame: VideoFrame) -> VideoFrame:
        turn = frame.rotation % 360
        if turn not in TURNS:
            return frame
        alike = (frame.width, frame.height, frame.format.name, turn)
        if alike != self.alike or self.graph is None:
            self.graph, self.alike = _graph(frame, turn), alike
        self.graph.push(frame)
        found = self.graph.pull()
        assert isinstance(found, VideoFrame)  # noqa: S101 - what goes in comes out
        return found


def _graph(frame: VideoFrame, turn: int) -> Graph:
    graph = Graph()
    steps = [
        graph.add_buffer(
            template=None,
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        )
    ]
    steps += [graph.add(name, how) for name, how in TURNS[turn]]
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    return graph
