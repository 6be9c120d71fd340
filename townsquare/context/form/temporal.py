"""The past of entities as JSON (clauses 4.5.7 to 4.5.9)."""

from townsquare.context.form.read import VALUE_MEMBER
from townsquare.context.form.write import full
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Entity, Json


def write_temporal(entity: Entity, terms: Terms, *, values: bool) -> Json:
    """Temporal evolution; with `values` as pairs of value and time (clause 4.5.9)."""
    types = [terms.compact(t) for t in entity.types]
    json: dict[str, Json] = {"id": entity.id, "type": types[0] if len(types) == 1 else types}
    for name, instances in entity.attributes.items():
        short = terms.compact(name)
        if values:
            pairs = [[i.value, i.observed_at or i.modified_at] for i in instances]
            kind = instances[0].kind
            plural = "objects" if kind == "Relationship" else VALUE_MEMBER[kind] + "s"
            json[short] = {"type": kind, plural: pairs}
        else:
            json[short] = [
                {**full(i, terms, "normalized", sys=False), "instanceId": i.instance_id}
                for i in instances
            ]
    return json
