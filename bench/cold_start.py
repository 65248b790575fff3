"""Cold start of each function: importing its handler and making what it needs, in a new process.

The layers are those that `sam build` made for this machine. The floor is importing boto3 and making
one client, from the same layer.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from escalon_cli.local import stack

PROJECT = Path(__file__).parents[1]
ROUNDS = 7
_FLOOR = "import boto3; boto3.client('dynamodb')"
_HANDLERS = {
    "sweep": ("sweep", "bootstrap.sweep()"),
    "escalate": ("escalate", "bootstrap.escalate()"),
    "deliver e-mail": ("deliver", "bootstrap.deliver()"),
    "deliver SMS": ("deliver", "bootstrap.deliver()"),
    "open task": ("deliver", "bootstrap.deliver()"),
    "record_history": ("record_history", "bootstrap.record_history()"),
    "payment_webhook": ("payment_webhook", "bootstrap.receive_webhook()"),
    "confirm_payment": ("confirm_payment", "bootstrap.confirm_payment()"),
    "portal": ("portal", "bootstrap.visit()"),
    "payments": ("payments", "bootstrap.answer_operators()"),
    "delivery_feedback": ("delivery_feedback", "bootstrap.record_feedback()"),
    "import_receivables": ("import_receivables", "import escalon.usecases.import_receivables"),
}
_CHANNELS = {"deliver e-mail": "email", "deliver SMS": "sms", "open task": "task"}


def _milliseconds(code: str, path: str, channel: str) -> float:
    """The median of some processes that do nothing but this, less a process that does nothing."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task cannot be written in Lambda
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "ESCALON_STAGE": "local",
        "ESCALON_CHANNEL": channel,
        "POWERTOOLS_METRICS_NAMESPACE": "Escalon",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }
    timed = (
        "import time; started = time.perf_counter()\n"
        f"{code}\n"
        "print((time.perf_counter() - started) * 1e3)"
    )
    took = [
        float(
            subprocess.run(
                [sys.executable, "-S", "-c", timed],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(ROUNDS)
    ]
    return statistics.median(took)


def main() -> None:
    """Print milliseconds and the ratio to the floor."""
    info = stack.up(
        "bench",
        parameters={"Shards": "1", "LocalStatements": "true", "SweepState": "DISABLED"},
        console=Console(stderr=True),
    )
    try:
        build = info.folder / "build"
        layers = os.pathsep.join(
            str(build / layer / "python") for layer in ("EscalonLayer", "DependenciesLayer")
        )
        floor = _milliseconds(_FLOOR, layers, "")
        print(f"{'boto3 and one client':<22} {floor:>7.0f} ms")
        for name, (folder, ready) in _HANDLERS.items():
            path = os.pathsep.join([str(PROJECT / "functions" / folder), layers])
            code = f"import app\nfrom escalon import bootstrap\n{ready}"
            took = _milliseconds(code, path, _CHANNELS.get(name, ""))
            print(f"{name:<22} {took:>7.0f} ms   {took / floor:4.2f} × floor")
    finally:
        stack.down("bench")
