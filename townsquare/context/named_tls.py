"""TLS to an address that was checked, with the certificate of the host that was named."""

import ssl
from typing import Any


class NamedContext(ssl.SSLContext):
    """Expects the certificate of `host`, whatever address is connected to."""

    host: str
    made: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self.made = super().wrap_socket(*args, **{**options, "server_hostname": self.host})
        return self.made


def named(host: str) -> NamedContext:
    """SSL_CERT_FILE names an authority of the town's own."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.host = host
    return context
