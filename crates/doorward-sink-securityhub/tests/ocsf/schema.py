"""Writes the class Compliance Finding of the published OCSF schema, with every object it leads to, as a JSON Schema.

    git clone --branch 1.6.0 https://github.com/ocsf/ocsf-schema && pip install ocsf-lib==0.10.4
    python -m ocsf.compile ocsf-schema | python schema.py > 1.6.0.json

Members of the profile `cloud` are included, because findings declare it; those of other profiles are not. Descriptions are left out.
"""

import json
import sys

PROFILES = {None, "cloud"}
# Types of JSON for the types of OCSF that have no base type in the schema.
BASE = {
    "boolean_t": {"type": "boolean"},
    "float_t": {"type": "number"},
    "integer_t": {"type": "integer"},
    "json_t": {},
    "long_t": {"type": "integer"},
    "string_t": {"type": "string"},
}

schema = json.load(sys.stdin)
reached = ["compliance_finding"]


def scalar(name):
    """The JSON Schema of a type of OCSF."""
    kind = schema["types"][name]
    rule = dict(BASE[kind["type"] or name])
    if kind["regex"]:
        rule["pattern"] = kind["regex"]
    if kind["max_len"]:
        rule["maxLength"] = kind["max_len"]
    if kind["range"]:
        rule["minimum"], rule["maximum"] = kind["range"]
    return rule


def member(attribute):
    """The JSON Schema of an attribute."""
    name = attribute["type"]
    if name in schema["objects"]:
        if name not in reached:
            reached.append(name)
        # A / in a name would be a step of the pointer.
        rule = {"$ref": "#/$defs/" + name.replace("/", ".")}
    else:
        rule = scalar(name)
        if attribute["enum"]:
            integer = rule.get("type") == "integer"
            rule["enum"] = [int(value) if integer else value for value in attribute["enum"]]
    return {"type": "array", "items": rule} if attribute["is_array"] else rule


def definition(thing):
    """The JSON Schema of a class or an object."""
    attributes = {
        name: attribute
        for name, attribute in thing["attributes"].items()
        if attribute.get("profile") in PROFILES
    }
    rule = {"type": "object", "properties": {name: member(a) for name, a in sorted(attributes.items())}}
    # The object `object` is any object, as `unmapped` is.
    if attributes:
        rule["additionalProperties"] = False
    required = sorted(name for name, a in attributes.items() if a["requirement"] == "required")
    if required:
        rule["required"] = required
    for constraint, names in (thing["constraints"] or {}).items():
        rule["anyOf" if constraint == "at_least_one" else "oneOf"] = [{"required": [name]} for name in names]
    return rule


definitions = {}
for name in reached:
    thing = schema["classes"][name] if name == "compliance_finding" else schema["objects"][name]
    definitions[name.replace("/", ".")] = definition(thing)
document = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$comment": f"OCSF {schema['version']}, compliance_finding with the profile cloud; Apache License 2.0, the OCSF authors",
    "$ref": "#/$defs/compliance_finding",
    "$defs": dict(sorted(definitions.items())),
}
print(json.dumps(document, separators=(",", ":")))
