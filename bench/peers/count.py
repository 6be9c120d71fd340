"""Counts the same boxes as the peers do. Runs in their environment and knows nothing of ours.

    python bench/peers/count.py < question.json > answer.json

A question has lines, and pictures with boxes (left, top, right, bottom, score, group); an answer
has crossings by line, group and direction, and the processor time of a picture. Directions are of
`groundtruth.json`. Settings are those that make each count best on such clips: supervision counts
by the bottom centre rather than by all corners, ByteTrack takes scores from 0.4 on.
"""

import json
import sys
import time
from collections import Counter

import norfair
import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

SUPERVISION_FROM, NORFAIR_FROM, SURE = 0.25, 0.35, 0.4  # scores


def byte_track(question):
    tracker = ByteTrackTracker(
        lost_track_buffer=30,
        frame_rate=10,
        track_activation_threshold=SURE,
        high_conf_det_threshold=SURE,
    )
    zones = {
        name: sv.LineZone(
            sv.Point(*a), sv.Point(*b), triggering_anchors=[sv.Position.BOTTOM_CENTER]
        )
        for name, a, b in question["lines"]
    }
    for boxes in question["pictures"]:
        rows = np.array([b for b in boxes if b[4] > SUPERVISION_FROM], np.float32).reshape(-1, 6)
        found = sv.Detections(
            xyxy=rows[:, :4], confidence=rows[:, 4], class_id=rows[:, 5].astype(int)
        )
        found = tracker.update(found)
        for name, zone in zones.items():
            # What supervision calls in is what crosses the other way.
            crossed_out, crossed_in = zone.trigger(found)
            for group in found.class_id[crossed_in]:
                yield name, int(group), "in"
            for group in found.class_id[crossed_out]:
                yield name, int(group), "out"


def norfair_iou(question):
    tracker = norfair.Tracker(
        distance_function="iou", distance_threshold=0.7, hit_counter_max=15, initialization_delay=2
    )
    feet = {}
    for boxes in question["pictures"]:
        given = [
            norfair.Detection(
                points=np.array(b[:4]).reshape(2, 2), scores=np.array([b[4]] * 2), label=int(b[5])
            )
            for b in boxes
            if b[4] > NORFAIR_FROM
        ]
        for one in tracker.update(detections=given):
            (x0, _), (x1, y1) = one.estimate
            foot = ((x0 + x1) / 2, y1)
            before = feet.get(one.id)
            feet[one.id] = foot
            for name, a, b in question["lines"] if before else ():
                if direction := crossed(a, b, before, foot):
                    yield name, one.label, direction


def side(a, b, p):
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def crossed(a, b, before, now):
    s0, s1 = side(a, b, before), side(a, b, now)
    if (s0 < 0) == (s1 < 0) or (side(before, now, a) < 0) == (side(before, now, b) < 0):
        return None
    return "in" if s0 < 0 else "out"


PEERS = {"supervision + ByteTrack": byte_track, "norfair": norfair_iou}


def main():
    question = json.load(sys.stdin)
    answer = {}
    for name, peer in PEERS.items():
        began = time.process_time()
        counts = Counter(peer(question))
        spent_ms = (time.process_time() - began) * 1000
        answer[name] = {
            "counts": [[*key, n] for key, n in counts.items()],
            "ms": spent_ms / max(len(question["pictures"]), 1),
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
