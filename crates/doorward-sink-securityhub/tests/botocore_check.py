"""Validates findings against the service model that botocore ships: every member known, every required one there, every
text, number, list and map within the model's lengths, patterns and enums.

usage: botocore_check.py FINDINGS.json [FINDINGS.json ...]

Prints how many findings and values were checked; exits 1 at the first complaint. Before it trusts itself it breaks one
finding in a dozen ways and has to notice each.
"""

import copy
import json
import re
import sys

import botocore.session

SHAPE = "AwsSecurityFinding"
checked = 0


def complaints(shape, value, path):
    """Yields every way in which a value is not what its shape demands."""
    global checked
    checked += 1
    facts = shape.metadata
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            yield f"{path} is not a structure"
            return
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{path}.{name} is required"
        for name, member in value.items():
            if name not in shape.members:
                yield f"{path}.{name} is not in the model"
            else:
                yield from complaints(shape.members[name], member, f"{path}.{name}")
        return
    if shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{path} is not a list"
            return
        yield from bounds(facts, len(value), path)
        for number, member in enumerate(value):
            yield from complaints(shape.member, member, f"{path}[{number}]")
        return
    if shape.type_name == "map":
        if not isinstance(value, dict):
            yield f"{path} is not a map"
            return
        yield from bounds(facts, len(value), path)
        for name, member in value.items():
            yield from complaints(shape.key, name, f"{path} key")
            yield from complaints(shape.value, member, f"{path}[{name!r}]")
        return
    if shape.type_name == "string":
        if not isinstance(value, str):
            yield f"{path} is not a text"
            return
        yield from bounds(facts, len(value.encode("utf-16-le")) // 2, path)
        # Smithy's patterns match anywhere unless they are anchored.
        if "pattern" in facts and not re.search(facts["pattern"], value):
            yield f"{path} does not match {facts['pattern']}: {value!r}"
        enum = getattr(shape, "enum", None) or facts.get("enum")
        if enum and value not in enum:
            yield f"{path} is not one of {enum}: {value!r}"
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if shape.type_name == "boolean" and not isinstance(value, bool):
        yield f"{path} is not a boolean"
    if shape.type_name in ("integer", "long", "double", "float") and not number:
        yield f"{path} is not a number"


def bounds(facts, size, path):
    if size < facts.get("min", 0):
        yield f"{path} has {size}, fewer than {facts['min']}"
    if "max" in facts and size > facts["max"]:
        yield f"{path} has {size}, more than {facts['max']}"


# What the API's guide says beyond the model: the most characters or entries.
DOCUMENTED = {
    "Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "ProductArn": 2048, "AwsAccountName": 50,
    "ProductFields": 50, "Resources": 32, "Types": 50, "CompanyName": 128, "ProductName": 128,
}


def documented(finding):
    for name, most in DOCUMENTED.items():
        value = finding.get(name, "")
        size = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else len(value)
        if size > most:
            yield f".{name} has {size}, more than {most}"
    for key, value in finding.get("ProductFields", {}).items():
        if len(key) > 128 or len(value.encode("utf-16-le")) // 2 > 2048:
            yield f".ProductFields[{key!r}] is too long"
    if len(finding.get("Compliance", {}).get("RelatedRequirements", [])) > 32:
        yield ".Compliance.RelatedRequirements has more than 32"
    text = finding.get("Remediation", {}).get("Recommendation", {}).get("Text", "")
    if len(text.encode("utf-16-le")) // 2 > 512:
        yield ".Remediation.Recommendation.Text is too long"
    if len(json.dumps(finding, ensure_ascii=False).encode()) > 240_000 * 1.1:
        yield " is larger than 240 KB"


def all_complaints(shape, finding):
    yield from complaints(shape, finding, "")
    yield from documented(finding)


def breakages():
    """Ways to break a finding."""
    yield lambda f: f.pop("Title")
    yield lambda f: f.pop("Resources")
    yield lambda f: f.update(Title="   ")
    yield lambda f: f.update(Title="x" * 257)
    yield lambda f: f.update(Stranger="x")
    yield lambda f: f.update(RecordState="CLOSED")
    yield lambda f: f["Compliance"].update(Status="FAIL")
    yield lambda f: f["Resources"][0].update(Partition="aws-iso")
    yield lambda f: f["Resources"][0].pop("Id")
    yield lambda f: f["Resources"][0].update(Tags={"key": ""})
    yield lambda f: f["ProductFields"].update(blank=" ")
    yield lambda f: f["FindingProviderFields"]["Severity"].update(Label="SEVERE")
    yield lambda f: f.update(Resources="one")
    yield lambda f: f.update(AwsAccountName="n" * 51)


def main(paths):
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.shape_for(SHAPE)
    findings = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            findings += json.load(file)
    if not findings:
        sys.exit("there are no findings to check")
    for finding in findings:
        for complaint in all_complaints(shape, finding):
            sys.exit(f"{finding.get('Id')}: {complaint}")
    for number, breakage in enumerate(breakages()):
        broken = copy.deepcopy(findings[0])
        breakage(broken)
        if not list(all_complaints(shape, broken)):
            sys.exit(f"the check did not notice breakage {number}")
    print(f"{len(findings)} findings, {checked} values: as AWS's model of {SHAPE} demands")


main(sys.argv[1:])
