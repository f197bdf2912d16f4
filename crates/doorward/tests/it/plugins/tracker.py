"""A tracker in memory: the part of Jira's REST API that the tickets example uses. Writes its issues to a file after each change."""

import json
import re
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

ISSUES = []
MOVES = {"1": ("Done", "Done"), "2": ("Reopen", "To Do")}


def issue(key):
    return next(one for one in ISSUES if one["key"] == key)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, status, document=None):
        with open(sys.argv[1], "w") as file:
            json.dump(ISSUES, file)
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_call(self):
        length = int(self.headers.get("content-length") or 0)
        document = json.loads(self.rfile.read(length)) if length else None
        if self.headers.get("authorization") != "Bearer t":
            return self.answer(401)
        url = urllib.parse.urlsplit(self.path)
        path = url.path.removeprefix("/rest/api/2/")
        if path == "project/SEC":
            return self.answer(200, {"key": "SEC"})
        if path == "search":
            query = urllib.parse.parse_qs(url.query)["jql"][0]
            label = re.fullmatch(r'project = "SEC" AND labels = "([\w-]+)"', query).group(1)
            found = [one for one in ISSUES if label in one["labels"]]
            shown = [{"key": one["key"], "fields": {"status": {"name": one["status"]}, "labels": one["labels"]}} for one in found]
            return self.answer(200, {"issues": shown})
        if path == "issue":
            fields = document["fields"]
            ISSUES.append({"key": f"SEC-{len(ISSUES) + 1}", "status": "To Do", "labels": fields["labels"],
                           "summary": fields["summary"], "comments": []})
            return self.answer(201, {"key": ISSUES[-1]["key"]})
        key, _, what = path.removeprefix("issue/").partition("/")
        if what == "comment":
            issue(key)["comments"].append(document["body"])
        elif what == "transitions" and self.command == "GET":
            return self.answer(200, {"transitions": [{"id": id, "name": name} for id, (name, _) in MOVES.items()]})
        elif what == "transitions":
            issue(key)["status"] = MOVES[document["transition"]["id"]][1]
        elif self.command == "PUT":
            for change in document["update"]["labels"]:
                if "add" in change:
                    issue(key)["labels"].append(change["add"])
                elif change["remove"] in issue(key)["labels"]:
                    issue(key)["labels"].remove(change["remove"])
        self.answer(204)

    do_GET = do_POST = do_PUT = handle_call


server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
