"""Checks what `doorward setup` wrote, and the stacks of the examples: FOLDER... DISTRIBUTED EXAMPLES

CloudFormation by cfn-lint, IAM policies by parliament, Terraform by python-hcl2 and its references; and that the three
languages say the same of each role. Before that, files that are broken on purpose have to be found broken.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import hcl2
from cfnlint.decode import cfn_yaml
import parliament
from parliament import analyze_policy_string

# What CloudFormation and Terraform put in at deployment, as the plain policies have it.
STANDS_FOR = {
    "${AWS::Partition}": "aws",
    "${AWS::AccountId}": "*",
    "${!aws:": "${aws:",
    "${data.aws_partition.current.partition}": "aws",
    "${data.aws_caller_identity.current.account_id}": "*",
    "$${aws:": "${aws:",
    # A template puts in its own account where a plain policy leaves that to IAM.
    "${aws:PrincipalAccount}": "*",
}


def plain(text):
    for part, value in STANDS_FOR.items():
        text = text.replace(part, value)
    return text


def as_list(value):
    return list(value) if isinstance(value, list) else [value]


def lint(paths):
    """What cfn-lint says of templates; nothing when they are good."""
    command = [pathlib.Path(sys.executable).with_name("cfn-lint"), "--non-zero-exit-code", "informational", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def bare_actions():
    """The actions for which AWS's reference, as parliament has it, knows no resource."""
    definitions = json.loads(pathlib.Path(parliament.__file__).with_name("iam_definition.json").read_text())
    known = {}
    for service in definitions:
        for privilege in service["privileges"]:
            action = f"{service['prefix']}:{privilege['privilege']}"
            known.setdefault(action, set()).update(r["resource_type"] for r in privilege["resource_types"])
    return {action for action, resources in known.items() if resources <= {""}}


BARE = bare_actions()


def judge(policy):
    """What parliament says of a policy, and what is allowed on everything that could be allowed on less."""
    # IAM puts an account in here, and parliament takes the variable for a text.
    stated = json.dumps(policy).replace("${aws:PrincipalAccount}", "111122223333")
    said = [f"{f.issue}: {f.detail}" for f in analyze_policy_string(stated).findings]
    # Lambda puts the function's ARN into every request of its program, whatever the service.
    said = [one for one in said if "lambda:SourceFunctionArn" not in one]
    # An execution is standard or express: parliament asks for both, and a distributed map runs standard ones.
    said = [one for one in said if not ("states:" in one and ":states:*:*:express:" in one)]
    for s in policy["Statement"]:
        if s["Effect"] == "Allow" and "*" in as_list(s["Resource"]):
            said += [f"{action} is allowed on everything" for action in as_list(s["Action"]) if action not in BARE]
    return said


def conditions(block):
    """A condition block as something that can be compared."""
    return tuple(
        sorted((operator, key, tuple(sorted(plain(text(v)) for v in as_list(values)))) for operator, keys in block.items() for key, values in keys.items())
    )


def text(value):
    return value["Fn::Sub"] if isinstance(value, dict) else value


def of_json(policy):
    return {
        (
            s["Sid"],
            s["Effect"],
            tuple(sorted(as_list(s["Action"]))),
            tuple(sorted(plain(r) for r in as_list(s["Resource"]))),
            conditions(s.get("Condition", {})),
        )
        for s in policy["Statement"]
    }


def of_yaml(role):
    statements = set()
    for policy in role["Properties"]["Policies"]:
        for s in policy["PolicyDocument"]["Statement"]:
            arns = [plain(text(r)) for r in as_list(s["Resource"])]
            statements.add((s["Sid"], s["Effect"], tuple(sorted(s["Action"])), tuple(sorted(arns)), conditions(s.get("Condition", {}))))
    return statements


def unquoted(value):
    """python-hcl2 keeps the quotes of strings."""
    if isinstance(value, dict):
        return {unquoted(k): unquoted(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unquoted(v) for v in value]
    return value[1:-1] if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"' else value


def terraform(text):
    """The blocks of a file, and what is wrong with its references."""
    blocks = unquoted(hcl2.loads(text))
    variables = {name for block in blocks.get("variable", []) for name in block}
    data = {f"data.{kind}.{name}" for block in blocks.get("data", []) for kind in block for name in block[kind]}
    things = {f"{kind}.{name}" for block in blocks.get("resource", []) for kind in block for name in block[kind]}
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    problems = [f"var.{name} is not declared" for name in re.findall(r"\bvar\.(\w+)", code) if name not in variables]
    problems += [f"{name} is not declared" for name in re.findall(r"\bdata\.\w+\.\w+", code) if name not in data]
    used = re.findall(r"(?<![.\w])(aws_\w+\.\w+)\.", re.sub(r"\bdata\.\w+\.\w+", "", code))
    problems += [f"{name} is not declared" for name in used if name not in things]
    problems += [f"var.{name} is not used" for name in variables if f"var.{name}" not in code]
    return blocks, problems


def of_terraform(blocks):
    statements = set()
    for block in blocks["data"]:
        for name, document in block.get("aws_iam_policy_document", {}).items():
            if name.endswith("_trust"):
                continue
            for s in document["statement"]:
                arns = tuple(sorted(plain(r) for r in s["resources"]))
                block = {}
                for condition in s.get("condition", []):
                    block.setdefault(condition["test"], {})[condition["variable"]] = condition["values"]
                statements.add((s["sid"], s.get("effect", "Allow"), tuple(sorted(s["actions"])), arns, conditions(block)))
    return statements


def controls(folder):
    """Files that are wrong have to be called wrong, or a pass would say nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        broken = pathlib.Path(scratch) / "broken.yaml"
        text = (folder / "scan-role.stackset.yaml").read_text()
        for old, new in [("MaxSessionDuration: !Ref", "MaxSessionDurations: !Ref"), ("!Ref CallerArn", "!Ref Caller")]:
            assert old in text
            broken.write_text(text.replace(old, new))
            assert lint([broken]), f"cfn-lint does not see {new}"
    for action, resource in [("securityhub:GetFinding", "*"), ("s3:GetObject", "arn:aws:s3:::logs"), ("account:ListRegions", "*")]:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
        assert judge(policy), f"parliament does not see {action} on {resource}"
    file = (folder / "scan-role.tf").read_text()
    for old, new in [("var.caller_arn", "var.caller"), ("aws_iam_role.doorward_scan.arn", "aws_iam_role.other.arn")]:
        assert old in file and terraform(file.replace(old, new))[1], f"the change to {new} is not found"


def check(folder):
    counts = {"templates": 0, "policies": 0, "modules": 0, "roles": 0}
    templates = sorted(folder.glob("*.yaml"))
    said = lint(templates)
    assert not said, f"cfn-lint: {said}"
    counts["templates"] = len(templates)
    for path in sorted(folder.glob("*.policy.json")):
        said = judge(json.loads(path.read_text()))
        assert not said, f"{path.name}: {said}"
        counts["policies"] += 1
    for path in sorted(folder.glob("*-role.tf")):
        blocks, problems = terraform(path.read_text())
        assert not problems, f"{path.name}: {problems}"
        counts["modules"] += 1
        role = path.name.removesuffix(".tf")
        policy = of_json(json.loads((folder / f"{role}.policy.json").read_text()))
        assert of_terraform(blocks) == policy, f"{path.name} and the plain policy differ"
        member = folder / f"{role}.stackset.yaml"
        template = cfn_yaml.load(str(member))["Resources"]["Role"]
        assert of_yaml(template) == policy, f"{member.name} and the plain policy differ"
        # The stack for the management account makes the same role there, and carries the members' template.
        whole = cfn_yaml.load(str(folder / f"{role}.organization.yaml"))["Resources"]
        assert whole["Role"] == template, f"{role}: the management account gets another role"
        assert whole["Members"]["Properties"]["TemplateBody"] == member.read_text(), f"{role}: the members get another template"
        trust = folder / f"{role}.trust.json"
        admits = template["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["Fn::If"][1]
        assert set(admits["StringEquals"]) == {"sts:ExternalId", "aws:PrincipalOrgID"}
        # Neither language deploys a role that trusts the caller under no condition.
        for file in (member, folder / f"{role}.organization.yaml"):
            rules = cfn_yaml.load(str(file))["Rules"]["Admission"]["Assertions"][0]["Assert"]
            assert json.dumps(rules).count("Fn::Equals") == 2, f"{file.name}: {rules}"
        assert blocks["resource"][0]["aws_iam_role"][f"doorward_{role.removesuffix('-role')}"]["lifecycle"], path.name
        if trust.is_file():
            statement = json.loads(trust.read_text())["Statement"][0]
            assert set(statement["Condition"]["StringEquals"]) == set(admits["StringEquals"])
        counts["roles"] += 1
    pack = cfn_yaml.load(str(folder / "desync.conformance-pack.organization.yaml"))
    body = pack["Resources"]["Pack"]["Properties"]["TemplateBody"]
    assert body == (folder / "desync.conformance-pack.yaml").read_text(), "the organization gets another pack"
    assert len(body.encode()) <= 51200
    assert counts["roles"] >= 6 and counts["policies"] >= 13 and counts["templates"] >= 16, counts
    return counts


# What resources of a stack are called, for policies about them.
ARNS = {
    "AWS::ECS::TaskDefinition": "arn:aws:ecs:eu-west-1:111122223333:task-definition/doorward:1",
    "AWS::ECS::Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/doorward",
    "AWS::EFS::AccessPoint": "arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-0123456789abcdef0",
    "AWS::EFS::FileSystem": "arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-01234567",
    "AWS::Events::Rule": "arn:aws:events:eu-west-1:111122223333:rule/doorward",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/doorward",
    "AWS::Lambda::Function": "arn:aws:lambda:eu-west-1:111122223333:function:doorward",
    "AWS::Logs::LogGroup": "arn:aws:logs:eu-west-1:111122223333:log-group:doorward:*",
    "AWS::S3::Bucket": "arn:aws:s3:::doorward-reports",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:eu-west-1:111122223333:stateMachine:doorward-scan",
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:111122223333:doorward",
}


def settled(value, resources):
    """A value of a template as it would be after deployment."""
    if isinstance(value, list):
        return [settled(one, resources) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::GetAtt" in value:
        return ARNS[resources[value["Fn::GetAtt"][0]]["Type"]]
    if "Ref" in value:
        name = value["Ref"]
        return ARNS[resources[name]["Type"]] if name in resources else "111122223333"
    if "Fn::Sub" in value:
        text = re.sub(r"\$\{(\w+)\.Arn\}", lambda m: ARNS[resources[m[1]]["Type"]], value["Fn::Sub"])
        text = text.replace("${Cluster}", "doorward")
        return plain(text).replace("${AWS::Region}", "eu-west-1").replace(":*:repository", ":111122223333:repository")
    return {key: settled(one, resources) for key, one in value.items()}


def stacks(examples, plain_folder):
    """The stacks of the examples are well made, and their role may do what the base identity needs and no more."""
    said = lint(sorted(examples.glob("*/stack.yaml")))
    assert not said, f"cfn-lint: {said}"
    base = [json.loads((plain_folder / f"{name}base-identity.policy.json").read_text()) for name in ("", "publish-")]
    wanted, enter = {}, set()
    for statement in (one for policy in base for one in policy["Statement"]):
        if statement["Sid"] == "EnterAccounts":
            enter.update(as_list(statement["Resource"]))
        wanted[statement["Sid"]] = statement
    wanted["EnterAccounts"]["Resource"] = sorted(enter)
    counts = {"stacks": 0, "policies": 0, "alarms": 0}
    for example, name in [("lambda", "Role"), ("fargate", "TaskRole")]:
        resources = cfn_yaml.load(str(examples / example / "stack.yaml"))["Resources"]
        counts["stacks"] += 1
        for resource in resources.values():
            own = resource.get("Properties", {})
            policies = own.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []
            if resource["Type"] == "AWS::IAM::RolePolicy":
                policies = [own]
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                assert own["AlarmActions"] and own["OKActions"], f"{example}: an alarm without actions"
                counts["alarms"] += 1
            if resource["Type"] == "AWS::IAM::Role":
                trust = own["AssumeRolePolicyDocument"]["Statement"][0]
                assert "aws:SourceAccount" in trust["Condition"]["StringEquals"], f"{example}: {own['Description']}"
            if resource["Type"] == "AWS::EFS::FileSystem":
                statements = {(s["Sid"], s["Effect"]) for s in own["FileSystemPolicy"]["Statement"]}
                assert {("EncryptedOnly", "Deny"), ("AccessPointOnly", "Deny")} < statements, f"{example}: {statements}"
            for rule in own.get("SecurityGroupEgress", []):
                assert rule.get("ToPort") == 443 or rule["CidrIp"] == "127.0.0.1/32", f"{example}: {rule}"
            for policy in policies:
                said = judge(settled(policy["PolicyDocument"], resources))
                assert not said, f"{example}: {policy['PolicyName']}: {said}"
                counts["policies"] += 1
        own = next(p for p in resources[name]["Properties"]["Policies"] if p["PolicyName"] == "doorward")
        statements = of_json(settled(own["PolicyDocument"], resources))
        assert statements == of_json({"Statement": list(wanted.values())}), f"{example}: {name} and the plain policies differ"
    assert counts == {"stacks": 2, "policies": 7, "alarms": 7}, counts
    return counts


def distributed(examples, folder, plain_folder):
    """The stacks of a distributed scan are those that doorward setup writes, and their role is that of a scan that publishes."""
    counts = {"stacks": 0, "policies": 0, "alarms": 0}
    base = [json.loads((plain_folder / f"{name}base-identity.policy.json").read_text()) for name in ("", "publish-")]
    for path in sorted(folder.glob("*.yaml")):
        assert path.read_text() == (examples / "distributed" / path.name).read_text(), f"{path.name} is stale: doorward setup distributed --out examples/distributed"
        said = lint([path])
        assert not said, f"cfn-lint: {said}"
        counts["stacks"] += 1
        resources = cfn_yaml.load(str(path))["Resources"]
        for resource in resources.values():
            own = resource.get("Properties", {})
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                assert own["AlarmActions"] and own["OKActions"], f"{path.name}: an alarm without actions"
                counts["alarms"] += 1
            if resource["Type"] == "AWS::Lambda::Function":
                assert "VpcConfig" not in own, "a function in a VPC"
            if resource["Type"] != "AWS::IAM::Role":
                continue
            trust = own["AssumeRolePolicyDocument"]["Statement"][0]
            assert "aws:SourceAccount" in trust["Condition"]["StringEquals"], f"{path.name}: {own['Description']}"
            for policy in own["Policies"]:
                said = judge(settled(policy["PolicyDocument"], resources))
                assert not said, f"{path.name}: {policy['PolicyName']}: {said}"
                counts["policies"] += 1
        policies = {p["PolicyName"]: p["PolicyDocument"] for p in resources["Role"]["Properties"]["Policies"]}
        for name, wanted in zip(("doorward", "publish"), base):
            assert of_json(settled(policies[name], resources)) == of_json(wanted), f"{path.name}: {name} and the plain policy differ"
    assert counts == {"stacks": 2, "policies": 11, "alarms": 6}, counts
    return counts


def main():
    *folders, generated, examples = [pathlib.Path(argument) for argument in sys.argv[1:]]
    controls(folders[0])
    counts = distributed(examples, generated, folders[0])
    print(f"distributed: {', '.join(f'{count} {what}' for what, count in counts.items())}: nothing to object to")
    counts = stacks(examples, folders[0])
    print(f"examples: {', '.join(f'{count} {what}' for what, count in counts.items())}: nothing to object to")
    for folder in folders:
        counts = check(folder)
        print(f"{folder.name}: {', '.join(f'{count} {what}' for what, count in counts.items())}: nothing to object to")


main()
