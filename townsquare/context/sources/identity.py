"""Who this broker is to others (clauses 5.2.40 and 5.15)."""

from datetime import datetime

from townsquare.model.entity import Json


def alias(name: str, tenant: str) -> str:
    """The pseudonym in `Via`; each tenant has one of its own, since loops are between tenants."""
    return f"{name}~{tenant}" if tenant else name


def identity(alias: str, since: datetime, now: datetime) -> dict[str, Json]:
    return {
        "id": f"urn:ngsi-ld:ContextSourceIdentity:{alias}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": alias,
        "contextSourceUptime": f"PT{int((now - since).total_seconds())}S",
        "contextSourceTimeAt": now,
    }
