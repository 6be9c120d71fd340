"""A camera by GStreamer's RTSP server: a film over and over, for those who know the login.

Usage: python3 gstreamer_rtsp.py FILM.mp4 USER PASSWORD. Debian's Python, which has the bindings
(gir1.2-gst-rtsp-server-1.0), runs it. Prints its port, and serves /live until it is killed.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions first


def serve(film: str, user: str, password: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( filesrc location={film} ! qtdemux ! h264parse ! rtph264pay name=pay0 )")
    factory.set_shared(True)
    require_login(server, factory, user, password)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def require_login(
    server: "GstRtspServer.RTSPServer",
    factory: "GstRtspServer.RTSPMediaFactory",
    user: str,
    password: str,
) -> None:
    """By digest, so that it does not cross the line in clear."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    may = GstRtspServer.RTSPPermissions()
    for what in ("media.factory.access", "media.factory.construct"):
        may.add_permission_for_role(user, what, True)
    factory.set_permissions(may)


if __name__ == "__main__":
    serve(*sys.argv[1:4])
