"""A program that starts the embedded broker, says who runs, and waits to be killed: `python -m … FOLDER [MODE]`."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import psutil

from opendt_streams.broker import EmbeddedBroker


def main(folder: Path, mode: str) -> None:
    broker = EmbeddedBroker(folder / "kafka", folder / "logs", quiet=True)
    if mode == "thread":  # the thread that starts Java ends at once
        starter = threading.Thread(target=broker.start)
        starter.start()
        starter.join()
    else:
        broker.start()
    if mode == "fork" and os.fork() == 0:  # holds every file descriptor of ours, the keeper's pipe included
        sys.stdin.read()
        os._exit(0)
    keeper = psutil.Process(broker.pid).ppid()
    sys.stdout.write(json.dumps({"java": broker.pid, "keeper": keeper, "port": broker.port}) + "\n")
    sys.stdout.flush()
    if mode == "exit":
        os._exit(0)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
