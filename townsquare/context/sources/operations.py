"""Names of operations that a context source may offer, alone or in groups (clause 4.20)."""

from collections.abc import Iterable, Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROVISION = _names(
    """
    createEntity updateEntity appendAttrs updateAttrs deleteAttrs deleteEntity createBatch
    upsertBatch updateBatch deleteBatch upsertTemporal appendAttrsTemporal deleteAttrsTemporal
    updateAttrInstanceTemporal deleteAttrInstanceTemporal deleteTemporal mergeEntity
    replaceEntity replaceAttrs mergeBatch purgeEntity
    """
)
CONSUMPTION = _names(
    """
    retrieveEntity queryEntity queryBatch retrieveTemporal queryTemporal retrieveEntityTypes
    retrieveEntityTypeDetails retrieveEntityTypeInfo retrieveAttrTypes retrieveAttrTypeDetails
    retrieveAttrTypeInfo
    """
)
_SUBSCRIPTIONS = _names(
    """
    createSubscription updateSubscription retrieveSubscription querySubscription
    deleteSubscription
    """
)
_MAPS = _names("retrieveEntityMap updateEntityMap deleteEntityMap createEntityMapQueryEntity")
_IDENTITY = frozenset({"retrieveContextSourceIdentity"})
_TYPES = frozenset(name for name in CONSUMPTION if name.endswith(("Types", "Details", "Info")))
_ASSOCIATION = _TYPES | _SUBSCRIPTIONS | _IDENTITY | {"retrieveEntity", "queryEntity", "queryBatch"}

OPERATIONS = (
    PROVISION | CONSUMPTION | _SUBSCRIPTIONS | _MAPS | _IDENTITY | {"createEntityMapQueryTemporal"}
)
GROUPS: Mapping[str, frozenset[str]] = {
    "federationOps": _ASSOCIATION | _MAPS,
    "associationOps": _ASSOCIATION,
    "updateOps": frozenset({"updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs"}),
    "retrieveOps": frozenset({"retrieveEntity", "queryEntity"}),
    "redirectionOps": _names(
        """
        createEntity updateEntity appendAttrs updateAttrs deleteAttrs deleteEntity mergeEntity
        replaceEntity replaceAttrs retrieveEntity queryEntity purgeEntity
        """
    )
    | _TYPES
    | _MAPS
    | _IDENTITY,
}
DEFAULT_GROUP = "federationOps"
AUXILIARY = frozenset({"retrieveOps", "retrieveEntity", "queryEntity"})  # clause 5.9.2.4
NAMES = OPERATIONS | GROUPS.keys()


def offered(names: Iterable[str]) -> frozenset[str]:
    """Single operations; none named means the default group."""
    found = [GROUPS.get(name, frozenset({name})) for name in names or (DEFAULT_GROUP,)]
    return frozenset().union(*found)
