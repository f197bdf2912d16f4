#!/usr/bin/env python3
"""Lets a client that speaks CBOR talk to a moto that does not: CloudWatch's RPC v2 in, JSON out, and back.

usage: cbor.py UPSTREAM_URL     prints one line with the port; ends with standard input

It carries names and values over as they are; what they mean is moto's business. The decoder is cbor2.
"""

import datetime
import json
import os
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cbor2

TIMES = {"StartTime", "EndTime", "Timestamp", "Timestamps"}


def plain(value):
    """CBOR as JSON: times become seconds."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def tagged(value, name=""):
    """JSON as CBOR: what is a time by its name is tagged as one, and values are floating point."""
    if isinstance(value, dict):
        return {key: tagged(item, key) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [tagged(item, name) for item in value]
    if name in TIMES:
        return cbor2.CBORTag(1, int(value))
    return float(value) if name == "Values" else value


class Bridge(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = ""

    def do_POST(self):
        asked = cbor2.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name: self.headers[name] for name in ("authorization", "x-amz-security-token") if name in self.headers}
        headers["x-amz-target"] = f"GraniteServiceVersion20100801.{self.path.rsplit('/', 1)[-1]}"
        headers["content-type"] = "application/x-amz-json-1.0"
        request = urllib.request.Request(self.upstream, json.dumps(plain(asked)).encode(), headers)
        try:
            with urllib.request.urlopen(request) as answer:
                status, body = answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            status, body = error.code, {"__type": "InternalServiceFault", "message": error.read().decode("utf-8", "replace")[:300]}
        written = cbor2.dumps(tagged(body))
        self.send_response(status)
        self.send_header("smithy-protocol", "rpc-v2-cbor")
        self.send_header("content-type", "application/cbor")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_):
        pass


def leash():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    Bridge.upstream = sys.argv[1]
    threading.Thread(target=leash, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
