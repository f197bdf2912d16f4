"""Compares whose credentials sign, in generated environments: the program given as argument against botocore.

Usage: python credential_matrix.py PROGRAM

Every case is an AWS configuration, a set of environment variables and maybe a profile named on the command line. Both ask a server on
this machine for the caller's identity; it records whose key signed. A case agrees if the same key signed, or if both ended with an
error of the same kind. Prints one JSON document and exits with 1 if a case differs.
"""

import hashlib
import http.server
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from datetime import datetime, timedelta, timezone

# botocore finds the home directory when it is imported.
HOME = pathlib.Path(tempfile.mkdtemp(prefix="credential-matrix-"))
os.environ["HOME"] = str(HOME)

import botocore.config
import botocore.exceptions as errors
import botocore.session

LATER = (datetime.now(timezone.utc) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
SIGNED = []


class Server(http.server.BaseHTTPRequestHandler):
    """STS, IAM Identity Center, instance metadata and container credentials in one."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="text/xml"):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def signer(self):
        match = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        return match.group(1) if match else "unsigned"

    def credentials(self, key):
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "AccessKeyId": key,
                           "SecretAccessKey": "s", "Token": "t", "Expiration": LATER})

    def do_PUT(self):
        self.read()
        self.send_response(200)
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"TOKEN")

    def read(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        if path == "/latest/meta-data/iam/security-credentials/":
            return self.answer(200, "instance-role", "text/plain")
        if path.startswith("/latest/meta-data/iam/security-credentials/"):
            return self.answer(200, self.credentials("INSTANCE"), "application/json")
        if path == "/container":
            return self.answer(200, self.credentials("CONTAINER"), "application/json")
        if path == "/federation/credentials":
            return self.answer(200, json.dumps({"roleCredentials": {"accessKeyId": "SSO", "secretAccessKey": "s",
                               "sessionToken": "t", "expiration": 4102444800000}}), "application/json")
        return self.answer(404, "no", "text/plain")

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.read()))
        action = form.get("Action", "")
        if action in ("AssumeRole", "AssumeRoleWithWebIdentity"):
            by = self.signer() if action == "AssumeRole" else "WEB"
            key = f"{form['RoleArn'].rsplit('/', 1)[1]}.by.{by}"
            return self.answer(200, f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>{LATER}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn>
<AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>""")
        if action == "GetCallerIdentity":
            SIGNED.append(self.signer())
        return self.answer(403, """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>enough</Message></Error><RequestId>r</RequestId></ErrorResponse>""")


ROLE = "role_arn = arn:aws:iam::111122223333:role/"
# By name: what the profile `p` has in the configuration file. The other sections below are always there.
PROFILES = {
    "absent": None,
    "empty": "region = eu-west-1",
    "keys": "aws_access_key_id = PKEYS\naws_secret_access_key = s",
    "partial keys": "aws_access_key_id = PKEYS",
    "role of keys": f"{ROLE}R1\nsource_profile = base",
    "role of itself": f"{ROLE}R2\nsource_profile = p\naws_access_key_id = PSELF\naws_secret_access_key = s",
    "role of a role": f"{ROLE}R3\nsource_profile = middle",
    "role of a loop": f"{ROLE}R4\nsource_profile = loop",
    "role of nothing": f"{ROLE}R5\nsource_profile = nobody-here",
    "role without source": f"{ROLE}R6",
    "role with two sources": f"{ROLE}R7\nsource_profile = base\ncredential_source = Environment",
    "role of the environment": f"{ROLE}R8\ncredential_source = Environment",
    "role of the instance": f"{ROLE}R9\ncredential_source = Ec2InstanceMetadata",
    "role of the container": f"{ROLE}R10\ncredential_source = EcsContainer",
    "role of junk": f"{ROLE}R11\ncredential_source = Junk",
    "role of a process": f"{ROLE}R12\nsource_profile = process",
    "sso": "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Audit",
    "old sso": "sso_start_url = https://old.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = Audit",
    "sso without session": "sso_session = nobody-here\nsso_account_id = 111122223333\nsso_role_name = Audit",
    "sso half": "sso_session = corp\nsso_account_id = 111122223333",
    "web identity": f"{ROLE}R13\nweb_identity_token_file = TOKEN",
    "web identity without file": f"{ROLE}R14\nweb_identity_token_file = /nowhere/token",
    "web identity without role": "web_identity_token_file = TOKEN",
    "process": "credential_process = PROCESS",
    "failing process": "credential_process = false",
    "keys and process": "credential_process = PROCESS\naws_access_key_id = PKEYS\naws_secret_access_key = s",
    "keys of both files": "aws_access_key_id = PCONF\naws_secret_access_key = s",
}
ALWAYS = f"""
[profile base]
aws_access_key_id = BASE
aws_secret_access_key = s
[profile middle]
{ROLE}M1
source_profile = base
[profile loop]
{ROLE}L1
source_profile = p
[profile process]
credential_process = PROCESS
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
"""
KEYS = {"AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "s"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN", "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/W1"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ENDPOINT/container"}
AROUND = {
    "nothing": {},
    "keys": KEYS,
    "web": WEB,
    "container": CONTAINER,
    "instance": {"AWS_EC2_METADATA_DISABLED": "false"},
    "keys, web, container": KEYS | WEB | CONTAINER,
    "half keys": {"AWS_ACCESS_KEY_ID": "ENVKEY"},
}
# How `p` is named.
NAMED = ("flag", "variable", "default")

OWN = "aws_access_key_id = OWN\naws_secret_access_key = s\n"
BARE = "aws_access_key_id = {}\naws_secret_access_key = s\n"
HERE = "region = eu-west-3\n"
SSO = "sso_account_id = 111122223333\nsso_role_name = Audit\n"
# Spellings of files and variables: the configuration file, the credentials file, and variables.
SPELLINGS = {
    "profile default": (f"[profile default]\n{HERE}{OWN}", "", {}),
    "default, then profile default": (f"[default]\n{OWN}[profile default]\n{HERE}{BARE.format('LATER')}", "", {}),
    "line ends of Windows": (f"[default]\n{HERE}{OWN}".replace("\n", "\r\n"), "", {}),
    "byte order mark": (f"\ufeff[default]\n{HERE}{OWN}", "", {}),
    "lines of comments": (f"# a\n; b\n[default]\n# c\n{HERE}; d\n{OWN}", "", {}),
    "comment behind a section": (f"[default] # main\n{HERE}{OWN}", "", {}),
    "comment behind a value": (f"[default]\nregion = eu-west-3 # near\n{OWN}", "", {}),
    "nested settings": (f"[default]\ns3 =\n  region = us-east-2\n\n  addressing_style = path\n{HERE}{OWN}", "", {}),
    "nested line without a value": (f"[default]\ns3 =\n  junk\n{HERE}{OWN}", "", {}),
    "indented by blanks": ("[default]\n  " + f"{HERE}{OWN}".replace("\n", "\n  ").rstrip() + "\n", "", {}),
    "indented by tabs": ("[default]\n\t" + f"{HERE}{OWN}".replace("\n", "\n\t").rstrip() + "\n", "", {}),
    "first line indented": (f"[default]\n  {HERE}{OWN}", "", {}),
    "section twice": (f"[default]\n{HERE}[default]\n{OWN}", "", {}),
    "profile twice": (f"[profile p]\n{HERE}[profile p]\n{OWN}", "", {"AWS_PROFILE": "p"}),
    "setting twice": (f"[default]\nregion = us-east-1\n{HERE}{OWN}", "", {}),
    "settings in upper case": (f"[default]\n{(HERE + OWN).replace('aws_', 'AWS_').replace('region', 'REGION')}", "", {}),
    "profile in another case": (f"[profile Dev]\n{HERE}{OWN}", "", {"AWS_PROFILE": "dev"}),
    "colons": (f"[default]\n{(HERE + OWN).replace(' =', ':')}", "", {}),
    "no value": (f"[default]\nregion\n{OWN}", "", {}),
    "setting before a section": (f"{HERE}[default]\n{OWN}", "", {}),
    "section that is not closed": (f"[default\n{HERE}{OWN}", "", {}),
    "profile without a name": (f"[profile]\nx = y\n[default]\n{HERE}{OWN}", "", {}),
    "two blanks": (f"[profile  p]\n{HERE}{OWN}", "", {"AWS_PROFILE": "p"}),
    "tab before the name": (f"[profile\tp]\n{HERE}{OWN}", "", {"AWS_PROFILE": "p"}),
    "blank behind the name": (f"[profile p ]\n{HERE}{OWN}", "", {"AWS_PROFILE": "p"}),
    "quoted name": (f'[profile "a b"]\n{HERE}{OWN}', "", {"AWS_PROFILE": "a b"}),
    "name in single quotes": (f"[profile 'a b']\n{HERE}{OWN}", "", {"AWS_PROFILE": "a b"}),
    "name with a blank": (f"[profile a b]\n{HERE}{OWN}", "", {"AWS_PROFILE": "a b"}),
    "name with signs": (f"[profile a/b@c.d#e]\n{HERE}{OWN}", "", {"AWS_PROFILE": "a/b@c.d#e"}),
    "name that is not ASCII": (f"[profile équipe]\n{HERE}{OWN}", "", {"AWS_PROFILE": "équipe"}),
    "section without profile": (f"[p]\n{HERE}{OWN}", "", {"AWS_PROFILE": "p"}),
    "profile in the credentials file": ("", f"[profile p]\n{OWN}", {"AWS_PROFILE": "p"}),
    "credentials file alone": ("", f"[p]\n{OWN}", {"AWS_PROFILE": "p"}),
    "role in the credentials file": ("", f"[p]\n{ROLE}R\nsource_profile = b\n[b]\n{OWN}", {"AWS_PROFILE": "p"}),
    "key and secret in two files": ("[default]\naws_access_key_id = A\n", "[default]\naws_secret_access_key = s\n", {}),
    "four roles": (f"[profile p]\n{ROLE}A\nsource_profile = q\n[profile q]\n{ROLE}B\nsource_profile = r\n"
                   f"[profile r]\n{ROLE}C\nsource_profile = default\n[default]\n{OWN}", "", {"AWS_PROFILE": "p"}),
    "loop of three": (f"[profile p]\n{ROLE}A\nsource_profile = q\n[profile q]\n{ROLE}B\nsource_profile = r\n"
                      f"[profile r]\n{ROLE}C\nsource_profile = p\n", "", {"AWS_PROFILE": "p"}),
    "loop of one": (f"[profile p]\n{ROLE}A\nsource_profile = p\n", "", {"AWS_PROFILE": "p"}),
    "role of sso": (f"[profile p]\n{ROLE}A\nsource_profile = q\n[profile q]\nsso_session = corp\n{SSO}", "", {"AWS_PROFILE": "p"}),
    "sso and keys": (f"[profile p]\n{OWN}sso_session = corp\n{SSO}", "", {"AWS_PROFILE": "p"}),
    "sso that expired": (f"[profile p]\nsso_session = old\n{SSO}[sso-session old]\nsso_start_url = https://old/start\n"
                         "sso_region = eu-west-1\n", "", {"AWS_PROFILE": "p"}),
    "sso with a junk cache": (f"[profile p]\nsso_session = junk\n{SSO}[sso-session junk]\nsso_start_url = https://junk/start\n"
                              "sso_region = eu-west-1\n", "", {"AWS_PROFILE": "p"}),
    "sso that differs": (f"[profile p]\nsso_session = corp\nsso_region = us-east-1\n{SSO}", "", {"AWS_PROFILE": "p"}),
    "sso session alone": ("[profile p]\nsso_session = corp\n", "", {"AWS_PROFILE": "p"}),
    "quoted sso session": (f'[profile p]\nsso_session = my corp\n{SSO}[sso-session "my corp"]\n'
                           "sso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n", "", {"AWS_PROFILE": "p"}),
    "process over two lines": ("[default]\ncredential_process = cat\n  PROCESS.json\n", "", {}),
    "process that prints nothing": ("[default]\ncredential_process = true\n", "", {}),
    "process that prints no JSON": ("[default]\ncredential_process = echo junk\n", "", {}),
    "process that is not there": ("[default]\ncredential_process = /nowhere/x --y\n", "", {}),
    "process of another version": ("[default]\ncredential_process = echo {\"Version\":2}\n", "", {}),
    "process with old credentials": ("[default]\ncredential_process = cat OLD\n", "", {}),
    "file named by a variable": (f"[default]\n{OWN}", "", {"AWS_CONFIG_FILE": "$HOME/config"}),
    "file named in braces": (f"[default]\n{OWN}", "", {"AWS_CONFIG_FILE": "${HOME}/config"}),
    "file named by a tilde": (f"[default]\n{OWN}", "", {"AWS_CONFIG_FILE": "~/config"}),
    "file that is not there": (f"[default]\n{OWN}", "", {"AWS_CONFIG_FILE": "/nowhere"}),
    "two variables of profiles": (f"[profile p]\n{OWN}[profile q]\n{BARE.format('Q')}", "",
                                  {"AWS_PROFILE": "p", "AWS_DEFAULT_PROFILE": "p"}),
    "default profile variable": (f"[profile q]\n{OWN}", "", {"AWS_DEFAULT_PROFILE": "q"}),
    "security token": ("", "", {"AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SECURITY_TOKEN": "t"}),
    "role without a token": (f"[default]\n{OWN}", "", {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/W"}),
    "token without a role": (f"[default]\n{OWN}", "", {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN"}),
    "services": (f"[default]\nservices = l\n{OWN}[services l]\nsts =\n  endpoint_url = ENDPOINT\n", "", {"AWS_ENDPOINT_URL": ""}),
    "services that are not there": (f"[default]\nservices = nowhere\n{OWN}", "", {}),
    "endpoint of the profile": (f"[default]\nendpoint_url = ENDPOINT\n{OWN}", "", {"AWS_ENDPOINT_URL": ""}),
    "FIPS and an endpoint": (f"[default]\nuse_fips_endpoint = True\n{OWN}", "", {}),
    "dual-stack and an endpoint": (f"[default]\n{OWN}", "", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    "metadata that is on": ("[default]\n" + HERE, "", {"AWS_EC2_METADATA_DISABLED": "False"}),
    "metadata that is off": ("[default]\n" + HERE, "", {"AWS_EC2_METADATA_DISABLED": "TRUE"}),
    "duration": (f"[profile p]\n{ROLE}A\nsource_profile = b\nduration_seconds = 900\n[profile b]\n{OWN}", "", {"AWS_PROFILE": "p"}),
    "duration that is no number": (f"[profile p]\n{ROLE}A\nsource_profile = b\nduration_seconds = long\n[profile b]\n{OWN}", "",
                                   {"AWS_PROFILE": "p"}),
    "quotes around a key": ('[default]\naws_access_key_id = "OWN"\naws_secret_access_key = "s"\n', "", {}),
    "text of another encoding": (f"[default]\n# caf\udce9\n{OWN}", "", {}),
}
# By decision 372: what the program does, whatever botocore does.
BY_DECISION_372 = {
    "byte order mark": "OWN",
    "comment behind a value": "OWN",
    "nested line without a value": "OWN",
    "section twice": "OWN",
    "profile twice": "OWN",
    "setting twice": "OWN",
    "duration that is no number": "configuration",
    "quotes around a key": "configuration",
}


def cases():
    """Name, configuration file, credentials file, variables, and the profile of the command line."""
    for (profile, text), (around, variables), named in itertools.product(PROFILES.items(), AROUND.items(), NAMED):
        config = ALWAYS
        if text is not None:
            section = "[profile p]"
            if named == "default":
                section, text = "[default]", text.replace("source_profile = p\n", "source_profile = default\n")
                config = config.replace("source_profile = p\n", "source_profile = default\n")
            config += f"{section}\n{text}\n"
        section = "default" if named == "default" else "p"
        both = profile == "keys of both files"
        credentials = f"[{section}]\naws_access_key_id = PCRED\naws_secret_access_key = s\n" if both else ""
        variables = variables | ({"AWS_PROFILE": "p"} if named == "variable" else {})
        yield f"{profile} / {around} / {named}", config, credentials, variables, "p" if named == "flag" else None
    corp = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n"
    for name, (config, credentials, variables) in SPELLINGS.items():
        yield name, config + (corp if "sso_session = corp" in config else ""), credentials, variables, None


def documented(name, expected, got):
    """Differences by decision 372, and by 281: an [sso-session] that is not there matters only where it would be used."""
    if " / " not in name:
        return BY_DECISION_372.get(name) == got
    if got not in ("ENVKEY", "W1.by.WEB"):
        return False
    profile, around, named = name.split(" / ")
    used = "keys" in around or around == "web"
    return profile == "sso without session" and used and named != "flag" and expected == "configuration"


def kind(error):
    """The kind of an error of botocore."""
    if isinstance(error, errors.ClientError):
        return "refused"
    if isinstance(error, errors.ProfileNotFound):
        return "no profile"
    if isinstance(error, (errors.PartialCredentialsError, errors.InvalidConfigError, errors.InfiniteLoopConfigError,
                          errors.ConfigParseError)):
        return "configuration"
    if isinstance(error, errors.NoCredentialsError):
        return "none"
    return "not given"


def kind_of_text(text):
    """The kind of an error of the program."""
    for words, name in [
        ("is not in ", "no profile"),
        ("no source of credentials is configured", "none"),
        ("no credentials are configured, and the instance metadata", "none"),
        ("credential_source `Environment`", "not given"),
        ("credential_source `EcsContainer`", "not given"),
        ("credential_source `Ec2InstanceMetadata`", "not given"),
        ("AWS_SECRET_ACCESS_KEY is not", "configuration"),
        ("no aws_secret_access_key", "configuration"),
        ("source_profile", "configuration"),
        ("credential_source", "configuration"),
        ("no role to assume with it", "configuration"),
        ("no section [sso-session", "configuration"),
        ("uses IAM Identity Center, but has no", "configuration"),
        ("differs from the value at", "configuration"),
        ("correct the line in the AWS configuration", "configuration"),
        ("save the AWS configuration as UTF-8", "configuration"),
        ("without quotes", "configuration"),
        ("is not a number", "configuration"),
        ("no AWS credentials:", "not given"),
    ]:
        if words in text:
            return name
    return "?: " + text


def of_botocore(profile):
    session = botocore.session.Session(profile=profile) if profile else botocore.session.Session()
    config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=3)
    try:
        session.create_client("sts", region_name="eu-west-1", config=config).get_caller_identity()
    except Exception as error:  # every class is a result here
        return kind(error), f"{type(error).__name__}: {error}"
    return "none", ""


def main():
    program = os.path.abspath(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    home = HOME
    (home / "token").write_text("web-token")
    process = home / "process.json"
    process.write_text(json.dumps({"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s"}))
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    for name, url in (("corp", "https://corp.awsapps.com/start"),
                      ("https://old.awsapps.com/start", "https://old.awsapps.com/start")):
        (cache / (hashlib.sha1(name.encode()).hexdigest() + ".json")).write_text(
            json.dumps({"accessToken": "a", "expiresAt": LATER, "region": "eu-west-1", "startUrl": url}))

    (home / "PROCESS.json").write_text(process.read_text())
    (home / "old.json").write_text(json.dumps({"Version": 1, "AccessKeyId": "OLD", "SecretAccessKey": "s", "SessionToken": "t",
                                               "Expiration": "2020-01-01T00:00:00Z"}))
    (cache / (hashlib.sha1(b"my corp").hexdigest() + ".json")).write_text(
        json.dumps({"accessToken": "a", "expiresAt": LATER, "region": "eu-west-1", "startUrl": "https://corp.awsapps.com/start"}))
    (cache / (hashlib.sha1(b"old").hexdigest() + ".json")).write_text(
        json.dumps({"accessToken": "a", "expiresAt": "2020-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": "https://old/start"}))
    (cache / (hashlib.sha1(b"junk").hexdigest() + ".json")).write_text("{ junk")

    def place(text):
        for word, value in (("ENDPOINT", endpoint), ("TOKEN", str(home / "token")), ("cat OLD", f"cat {home / 'old.json'}")):
            text = re.sub(rf"(?<![A-Z_]){word}(?![A-Z_])", value, text)
        return re.sub(r"credential_process = PROCESS", f"credential_process = cat {process}", text)

    differences, agreed, by_decision = [], 0, 0
    real_path = os.environ.get("PATH", "")
    os.chdir(home)
    for name, config, credentials, variables, flag in cases():
        (home / "config").write_bytes(place(config).encode(errors="surrogateescape"))
        (home / "credentials").write_text(place(credentials))
        environment = {"PATH": real_path, "HOME": str(home), "AWS_CONFIG_FILE": str(home / "config"),
                       "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"), "AWS_ENDPOINT_URL": endpoint,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint, "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_DEFAULT_REGION": "eu-west-1", "NO_COLOR": "1"}
        environment |= {key: place(value) for key, value in variables.items()}
        environment = {key: value for key, value in environment.items() if value}

        os.environ.clear()
        os.environ.update(environment)
        SIGNED.clear()
        other, words = of_botocore(flag)
        expected = SIGNED[-1] if SIGNED else other

        SIGNED.clear()
        command = [program, "scan", "--no-ledger", "-q"] + (["--profile", flag] if flag else [])
        run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, check=False)
        got = SIGNED[-1] if SIGNED else kind_of_text(run.stderr)
        if run.returncode != 6:
            got = f"exit code {run.returncode}: {run.stderr}"
        if got == expected:
            agreed += 1
        elif documented(name, expected, got):
            by_decision += 1
        else:
            differences.append({"case": name, "botocore": expected, "program": got, "words": words, "stderr": run.stderr.strip()})
    print(json.dumps({"cases": agreed + by_decision + len(differences), "agreed": agreed, "by_decision": by_decision,
                      "differences": differences}, indent=1))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
