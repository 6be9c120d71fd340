"""What a camera's url says by itself, and how much of it others may read. Pure."""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit


def is_file(url: str) -> bool:
    return "://" not in url


def arrives_as_taken(url: str) -> bool:
    return url.startswith(("rtsp://", "rtsps://"))


def without_login(url: str) -> str:
    """What the people who keep the cameras may read of it."""
    if is_file(url):
        return url
    parts = urlsplit(url)
    # A token in the query opens many cameras as well as a password does.
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def for_everyone(url: str) -> str:
    """Not where in the town's network or disk it is."""
    return Path(url).name if is_file(url) else "its stream"


def with_login(url: str, login: str) -> str:
    """`login` is name:password, as the secret holds it. A file needs none."""
    if not login or is_file(url):
        return url
    name, colon, password = login.partition(":")
    # Unquoted, a / or @ in a password would end the part of the url that holds the login.
    userinfo = quote(name, safe="") + colon + quote(password, safe="")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{userinfo}@{parts.netloc}"))
