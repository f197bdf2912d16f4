"""Compares the gates of `doorward setup gate` with `doorward check`, by the real evaluators.

Every declaration is judged by both. A gate denies exactly what the check fails, except what only the check can decide: a value that a
function determines, an Ingress without a class. There the gate accepts.

Usage: gates.py PROGRAM CFN_GUARD FOLDER
"""

import itertools
import json
import pathlib
import subprocess
import sys

import celpy
import regopy
import yaml

MODE = "routing.http.desync_mitigation_mode"
ALB = "alb.ingress.kubernetes.io/"
POLICIES = {
    "defensive": '[policy]\nrequired_mode = "defensive"\n',
    "strictest": '[policy]\nrequired_mode = "strictest"\n',
    "preset": '[policy]\nrequired_mode = "defensive"\npreset = "research-2026"\n',
    "internal": '[policy]\nrequired_mode = "defensive"\n[[policy.rules]]\nname = "internal"\nscheme = "internal"\n'
    'required_mode = "strictest"\n',
    "by tag": '[policy]\nrequired_mode = "defensive"\n[[policy.rules]]\nname = "pci"\ntags = { pci = "yes" }\nrequired_mode = "strictest"\n',
    "kinds": '[policy]\nrequired_mode = "strictest"\n[[policy.rules]]\nname = "c"\nkinds = ["classic"]\nrequired_mode = "defensive"\n',
}
MODES = ["monitor", "defensive", "strictest"]


def templates():
    types = [{}, {"Type": "application"}, {"Type": "network"}, {"Type": {"Ref": "T"}}]
    schemes = [{}, {"Scheme": "internal"}, {"Scheme": "internet-facing"}, {"Scheme": {"Ref": "S"}}]
    lists = [None, [], {"Fn::If": ["C", [], []]}, [{"Key": "idle_timeout.timeout_seconds", "Value": "60"}]]
    values = [*MODES, "Strictest", {"Ref": "M"}]
    lists += [[{"Key": "x", "Value": "y"}, {"Key": MODE, "Value": value}] for value in values]
    lists += [[{"Fn::If": ["C", {"Key": MODE, "Value": mode}, {"Ref": "AWS::NoValue"}]}] for mode in MODES]
    for kind, scheme, attributes in itertools.product(types, schemes, lists):
        properties = {**kind, **scheme}
        if attributes is not None:
            properties["LoadBalancerAttributes"] = attributes
        resource = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": properties}
        parameters = {name: {"Type": "String"} for name in "TSM"}
        condition = {"C": {"Fn::Equals": [{"Ref": "M"}, "x"]}}
        yield {"AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, "Conditions": condition, "Resources": {"A": resource}}


def manifests():
    classes = [({}, {"ingressClassName": "alb"}), ({"kubernetes.io/ingress.class": "alb"}, {}), ({}, {"ingressClassName": "nginx"}), ({}, {})]
    classes += [({"kubernetes.io/ingress.class": "nginx"}, {"ingressClassName": "alb"})]
    attributes = [None, "idle_timeout.timeout_seconds=60", f"{MODE}=Strictest"]
    attributes += [f"{MODE}={mode}" for mode in MODES] + [f"a=b, {MODE} = {mode} ,c=d" for mode in MODES]
    schemes = [{}, {f"{ALB}scheme": "internal"}, {f"{ALB}scheme": "internet-facing"}]
    for (annotations, spec), scheme, value in itertools.product(classes, schemes, attributes):
        annotations = {**annotations, **scheme}
        if value is not None:
            annotations[f"{ALB}load-balancer-attributes"] = value
        metadata = {"name": "web", **({"annotations": annotations} if annotations else {})}
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def plans():
    kinds = [{}, {"load_balancer_type": "application"}, {"load_balancer_type": "network"}]
    schemes = [({}, {}), ({"internal": True}, {}), ({"internal": False}, {}), ({}, {"internal": True})]
    actions = [["create"], ["update"], ["no-op"], ["delete", "create"], ["delete"]]
    modes = [({}, {}), ({}, {"desync_mitigation_mode": True})] + [({"desync_mitigation_mode": mode}, {}) for mode in MODES]
    for kind, scheme, mode, action in itertools.product(kinds, schemes, modes, actions):
        after = None if action == ["delete"] else {**kind, **scheme[0], **mode[0]}
        yield plan("aws_lb", action, after, {**scheme[1], **mode[1]})
    for protocol, scheme, mode in itertools.product(["HTTP", "https", "TCP"], schemes, modes):
        listener = [{"lb_port": 80, "lb_protocol": protocol, "instance_port": 80, "instance_protocol": protocol}]
        yield plan("aws_elb", ["create"], {"listener": listener, **scheme[0], **mode[0]}, {**scheme[1], **mode[1]})


def plan(kind, actions, after, unknown):
    change = {"actions": actions, "before": None, "after": after, "after_unknown": unknown}
    resource = {"address": f"{kind}.a", "mode": "managed", "type": kind, "name": "a", "change": change}
    resource["provider_name"] = "registry.terraform.io/hashicorp/aws"
    return {"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [resource]}


def is_left_to_the_check(text):
    """Whether a gate accepts what it may not know: a function of CloudFormation, an Ingress without a class, a mode that is not set."""
    declaration = json.loads(text)
    without_class = declaration.get("kind") == "Ingress" and "class" not in text.lower()
    without_mode = "resource_changes" in declaration and "desync_mitigation_mode" not in text
    return without_class or without_mode or "Fn::If" in text or any(f'"Ref": "{name}"' in text for name in "TS")


def run(*arguments, expected=(0,)):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode not in expected:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def checked(program, settings, folder):
    """The verdict of every file."""
    out = folder.parent / "check.json"
    rule = ["--rule", "desync-mode-below-required"]
    run(program, "-q", "--config", settings, "check", *rule, "--format", f"json-v1={out}", folder, expected=(0, 3, 4, 5))
    verdicts = {}
    for finding in json.loads(out.read_text())["findings"]:
        verdicts[pathlib.Path(finding["file"]).name] = finding["verdict"]
    return verdicts


def by_guard(guard, rules, folder):
    """The names of the denied files."""
    denied = set()
    done = run(guard, "validate", "-r", rules, "-d", folder, "--structured", "-o", "json", "--show-summary", "none", expected=(0, 19))
    for report in json.loads(done.stdout):
        if report["status"] == "FAIL":
            denied.add(pathlib.Path(report["name"]).name)
    return denied


def by_cel(policies, folder):
    denied = set()
    environment = celpy.Environment()
    compiled = {}
    for policy in policies:
        if policy["kind"] == "ValidatingAdmissionPolicy":
            spec = policy["spec"]
            compile_all = lambda parts: [environment.program(environment.compile(part["expression"])) for part in parts]
            resource = spec["matchConstraints"]["resourceRules"][0]["resources"][0]
            compiled[resource] = (compile_all(spec.get("matchConditions", [])), compile_all(spec["validations"]))
    for path in sorted(folder.iterdir()):
        conditions, validations = compiled["ingresses"]
        bound = {"object": celpy.json_to_cel(json.loads(path.read_text()))}
        holds = lambda program: bool(program.evaluate(bound))
        if all(map(holds, conditions)) and not all(map(holds, validations)):
            denied.add(path.name)
    return denied


def by_rego(rules, folder):
    denied = set()
    for path in sorted(folder.iterdir()):
        interpreter = regopy.Interpreter()
        interpreter.add_module("doorward", rules.read_text())
        interpreter.set_input(json.loads(path.read_text()))
        result = json.loads(str(interpreter.query("data.main.deny")))
        if any(messages for messages in result["expressions"]):
            denied.add(path.name)
    return denied


def main():
    program, guard, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    inputs = {}
    for name, declarations in [("templates", templates()), ("manifests", manifests()), ("plans", plans())]:
        inputs[name] = folder / name
        inputs[name].mkdir(parents=True)
        for number, declaration in enumerate(declarations):
            (inputs[name] / f"{number:04}.json").write_text(json.dumps(declaration))
    wrong, compared, denials = [], 0, 0
    for name, text in POLICIES.items():
        settings = folder / "doorward.toml"
        settings.write_text(text)
        gates = folder / "gates"
        for language in ["cfn-guard", "validating-admission-policy", "opa", "sentinel"]:
            run(program, "-q", "--config", settings, "setup", "gate", language, "--out", gates)
        policies = list(yaml.safe_load_all((gates / "doorward-desync-mode.yaml").read_text()))
        rego = gates / "doorward.rego"
        for kind, evaluate in [
            ("templates", lambda at: by_guard(guard, gates / "doorward.guard", at)),
            ("manifests", lambda at: by_cel(policies, at)),
            ("manifests", lambda at: by_rego(rego, at)),
            ("plans", lambda at: by_rego(rego, at)),
        ]:
            verdicts = checked(program, settings, inputs[kind])
            denied = evaluate(inputs[kind])
            for path in sorted(inputs[kind].iterdir()):
                compared += 1
                denials += path.name in denied
                fails = verdicts.get(path.name) == "fail"
                if (path.name in denied) != fails and not (fails and is_left_to_the_check(path.read_text())):
                    wrong.append(f"{name}: {kind}/{path.name}: denied {path.name in denied}, check {verdicts.get(path.name)}: {path.read_text()}")
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    print(f"gates: {compared} declarations compared under {len(POLICIES)} policies, {denials} denied, {len(wrong)} different")
    sys.exit(1 if wrong else 0)


main()
