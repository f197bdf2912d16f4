#!/usr/bin/env python3
"""Serves moto or microburst on a free loopback port until standard input ends.

usage: serve.py moto | serve.py microburst UPSTREAM_URL

Prints one line with the port. Standard input is the leash: the parent holds its other end, so that the server dies with
the parent, however the parent dies.
"""

import logging
import os
import sys
import threading


def leash():
    sys.stdin.buffer.read()
    os._exit(0)


def announce(port):
    print(port, flush=True)


def moto():
    import arns
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    arns.use_aws_arns()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    announce(server.get_host_and_port()[1])
    threading.Event().wait()


def microburst(upstream):
    import asyncio

    from aiohttp import web
    from microburst.app import make_app
    from microburst.core.pipeline import Microburst

    async def serve():
        # Not re-signed: moto must see the signature that the scanner made.
        runner = web.AppRunner(make_app(Microburst(upstream, rules=[], resign=False)), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        announce(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def main():
    threading.Thread(target=leash, daemon=True).start()
    match sys.argv[1:]:
        case ["moto"]:
            moto()
        case ["microburst", upstream]:
            microburst(upstream)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
