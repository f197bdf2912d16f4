"""Runs the state machine of a distributed scan: DOORWARD EMULATOR WORLD STACK VALIDATOR

The definition is checked by asl-validator, and executed by moto's interpreter of the Amazon States Language. In place of Lambda
functions, processes of Doorward run the commands against Doorward's own emulator of AWS. The first try of one shard is killed, and one
shard is killed on every try: the machine reports that coverage is not complete, and an execution that repeats this shard alone
completes the run.
"""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils as tasks
from cfnlint.decode import cfn_yaml
from moto import mock_aws

SHARDS = 5


def definition(stack, place):
    """The machine's text, as CloudFormation fills it in."""
    text = cfn_yaml.load(str(stack))["Resources"]["Machine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    values = {"Shards": str(SHARDS), "Publish": "false", "AWS::Partition": "aws", "Bucket": "doorward-runs"}
    filled = re.sub(r"\$\{([A-Za-z:.]+)\}", lambda m: values.get(m[1], f"arn:aws:x:eu-west-1:111122223333:{m[1]}"), text)
    return filled.replace("s3://doorward-runs/runs/", f"{place}/")


def validate(validator, text, folder):
    """What asl-validator says of a definition; nothing when it is good."""
    path = folder / "machine.asl.json"
    path.write_text(text)
    done = subprocess.run([validator, "--json-path", path], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


class Functions:
    """Lambda as far as the machine uses it: each invocation is a process."""

    def __init__(self, program, environment, folder):
        self.program, self.environment, self.folder = program, environment, folder
        self.commands, self.kill, self.lock = [], {}, threading.Lock()

    def invoke(self, FunctionName, Payload, **_):
        payload = json.loads(Payload)
        assert payload["format"] == "task-v1", payload
        command = payload["command"]
        with self.lock:
            self.commands.append(command)
            shard = command[2] if command[1] == "--shard" else None
            killed = self.kill.get(shard, 0) > 0
            if killed:
                self.kill[shard] -= 1
        arguments = [self.program, "--quiet", *command]
        process = subprocess.Popen(arguments, env=self.environment, cwd=self.folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        if killed:
            time.sleep(0.05)
            process.kill()
        said = process.communicate()[1].decode()
        accepted = (0, 3, 4, 5) if command[0] == "merge" else (0,)
        if process.returncode in accepted:
            return self.answer({"format": "task-v1", "exit_code": process.returncode})
        return self.answer({"errorType": f"Doorward.Exit{process.returncode}", "errorMessage": said}, FunctionError="Unhandled")

    @staticmethod
    def answer(payload, **more):
        body = io.BytesIO(json.dumps(payload).encode())
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": body, **more}


def execute(machines, arn, name, data):
    execution = machines.start_execution(stateMachineArn=arn, name=name, input=json.dumps(data))["executionArn"]
    for _ in range(3000):
        state = machines.describe_execution(executionArn=execution)
        if state["status"] != "RUNNING":
            return state
        time.sleep(0.1)
    raise AssertionError("the execution does not end")


def scans(functions):
    arguments = [functions.program, "history", "--format", "json"]
    done = subprocess.run(arguments, env=functions.environment, cwd=functions.folder, capture_output=True, text=True)
    return len(json.loads(done.stdout)["scans"]) if done.returncode == 0 else 0


def main():
    program, emulator, world, stacks, validator = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        place = folder / "runs"
        for name in ("lambda.yaml", "ecs.yaml"):
            text = definition(pathlib.Path(stacks) / name, place)
            said = validate(validator, text, folder)
            assert not said, f"{name}: {said}"
            broken = text.replace('"Next": "Covered"', '"Next": "Nowhere"')
            assert broken != text and validate(validator, broken, folder), "asl-validator does not see a state that is missing"
        text = definition(pathlib.Path(stacks) / "lambda.yaml", place)
        # The pauses between tries are AWS's business.
        text = text.replace('"IntervalSeconds": 20', '"IntervalSeconds": 1').replace('"BackoffRate": 2', '"BackoffRate": 1')
        # moto's grammar takes a fraction here, AWS takes either.
        text = text.replace('"ToleratedFailurePercentage": 100', '"ToleratedFailurePercentage": 100.0')
        served = subprocess.Popen([emulator, "--world", world, "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            exports = dict(served.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(4))
            environment = {"HOME": scratch, "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", **exports}
            environment |= {"DOORWARD_CALLS__SHARE_OF_LIMITS": "1000", "DOORWARD_LEDGER__PATH": str(folder / "ledger.sqlite")}
            run(Functions(program, environment, folder), text, place)
        finally:
            served.kill()


def run(functions, text, place):
    tasks.boto_client_for = lambda **_: functions
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        machines = boto3.client("stepfunctions", region_name="eu-west-1")
        role = "arn:aws:iam::111122223333:role/machine"
        arn = machines.create_state_machine(name="doorward-scan", definition=text, roleArn=role)["stateMachineArn"]

        (place / "night").mkdir(parents=True)
        functions.kill = {f"2/{SHARDS}": 1, f"4/{SHARDS}": 99}
        state = execute(machines, arn, "night", {})
        assert state["status"] == "FAILED" and state["error"] == "Doorward.Coverage", state
        assert scans(functions) == 0, "a scan with a missing shard is recorded"
        tried = [command[2] for command in functions.commands if command[1] == "--shard"]
        assert tried.count(f"4/{SHARDS}") == 4 and tried.count(f"2/{SHARDS}") == 2, tried
        assert tried.count(f"1/{SHARDS}") == 1, tried

        functions.kill, functions.commands = {}, []
        state = execute(machines, arn, "again", {"run": "night", "shards": [4]})
        assert state["status"] == "SUCCEEDED", state
        shards = [command[2] for command in functions.commands if command[1] == "--shard"]
        assert shards == [f"4/{SHARDS}"], f"only the failed shard is repeated: {shards}"
        assert not any("--discover-only" in command for command in functions.commands)
        assert scans(functions) == 1
    print(f"distributed: 2 machines validated; 1 executed with {SHARDS} shards, killed, reported as incomplete, and completed by 1 shard")


main()
