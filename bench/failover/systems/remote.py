"""What repmgr's switchover uses for ssh: a program of that name, and its far end in each region, over Unix sockets.

    python remote.py serve SOCKET          in a region: runs what it is told, one connection at a time
    python remote.py ask DIRECTORY ...     as ssh is called: [OPTIONS] HOST COMMAND; HOST is DIRECTORY/HOST.sock

Costs less than ssh does, in favour of repmgr. Uses nothing but the standard library, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys


def serve(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        while True:
            link, _ = listener.accept()
            with link, link.makefile("rb") as asked:
                command = json.loads(asked.readline())
                with open(path + ".out", "w+b") as out, open(path + ".err", "w+b") as err:  # noqa: PTH123
                    code = subprocess.call(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
                    for file in (out, err):  # files: what the command leaves running does not hold them up
                        file.seek(0)
                    told = [code, out.read().decode(errors="replace"), err.read().decode(errors="replace")]
                link.sendall(json.dumps(told).encode() + b"\n")


def ask(directory: str, words: list[str]) -> int:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-o", "-p", "-l") else rest[1:]
    host, command = rest[0], " ".join(rest[1:])
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(os.path.join(directory, f"{host}.sock"))  # noqa: PTH118
        link.sendall(json.dumps(command).encode() + b"\n")
        with link.makefile("rb") as answer:
            code, out, err = json.loads(answer.readline())
    sys.stdout.write(out)
    sys.stderr.write(err)
    return int(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    sys.exit(ask(sys.argv[2], sys.argv[3:]))
