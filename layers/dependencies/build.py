"""Builds the dependencies layer: the pinned wheels for one processor, trimmed and precompiled."""

import argparse
import compileall
import hashlib
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# botocore carries the description of some 400 services; these are the ones we call.
SERVICES = {
    *("appconfig", "appconfigdata", "cloudwatch", "dynamodb", "events", "lambda", "logs", "s3"),
    *("scheduler", "secretsmanager", "sesv2", "sns", "sqs", "ssm", "sts"),
}

# The same services where endpoints.json calls them otherwise.
ENDPOINT_NAMES = SERVICES | {"email", "monitoring"}

# The languages a debtor may be written to in; Babel falls back to root for the rest.
LOCALES = ("en", "es", "pt", "root")

# Parts of packages that no function reads, by path inside the layer.
UNUSED = (
    "bin",
    "boto3/examples",
    "openpyxl/chart/tests",
    "phonenumbers/carrierdata",
    "phonenumbers/geodata",
    "reportlab/fonts",  # papers carry their own
)


def main() -> int:
    """Build into --target, from --cache when the same build is already there."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--target", type=Path, required=True, help="where the packages go")
    options.add_argument("--arch", choices=("aarch64", "x86_64"), default="aarch64")
    options.add_argument("--cache", type=Path, help="folder that keeps finished builds")
    asked = options.parse_args()
    if sys.version_info[:2] != (3, 13):
        print(
            "The layer is for Python 3.13: its byte code would be useless from "
            f"{sys.version.split()[0]}. Set ESCALON_PYTHON to a python3.13.",
            file=sys.stderr,
        )
        return 2
    if asked.cache is None:
        build(asked.target, asked.arch)
        return 0
    ready = asked.cache / build_key(asked.arch)
    if not ready.is_dir():
        asked.cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=asked.cache))
        try:
            build(unfinished / "python", asked.arch)
            finish(unfinished / "python", ready)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(ready, asked.target, dirs_exist_ok=True)
    return 0


def build_key(arch: str) -> str:
    """Name a build after everything that goes into it."""
    parts = [(HERE / "requirements.txt").read_bytes(), Path(__file__).read_bytes(), arch.encode()]
    return f"{arch}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}"


def finish(built: Path, ready: Path) -> None:
    """Give a finished build its name; another build that finished first is as good."""
    try:
        built.rename(ready)
    except OSError:
        if not ready.is_dir():
            raise


def build(target: Path, arch: str) -> None:
    """Fetch, trim and compile."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--quiet"),
            *("--disable-pip-version-check", "--no-compile", "--no-deps"),
            *("--platform", f"manylinux2014_{arch}", "--platform", f"manylinux_2_28_{arch}"),
            *("--implementation", "cp", "--python-version", "3.13", "--only-binary=:all:"),
            *("--requirement", str(HERE / "requirements.txt"), "--target", str(target)),
        ],
        check=True,
    )
    trim(target)
    # Checked against nothing at import: file times are lost in the zip, and /opt is read-only.
    compiled = compileall.compile_dir(
        target,
        quiet=2,
        stripdir=str(target),
        prependdir="/opt/python",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        print("Some modules of the layer did not compile; they will at import.", file=sys.stderr)


def trim(target: Path) -> None:
    """Take out what no function reads: it only costs unpacking."""
    for name in UNUSED:
        shutil.rmtree(target / name, ignore_errors=True)
    for service in (target / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    for example in (target / "botocore" / "data").glob("*/*/examples-1.json*"):
        example.unlink()
    # 1.2 MB that every first client parses, half of the time that the client takes.
    endpoints = target / "botocore" / "data" / "endpoints.json"
    known = json.loads(endpoints.read_text(encoding="utf-8"))
    for partition in known["partitions"]:
        partition["services"] = {
            name: service
            for name, service in partition["services"].items()
            if name in ENDPOINT_NAMES
        }
    endpoints.write_text(json.dumps(known), encoding="utf-8")
    for locale in (target / "babel" / "locale-data").glob("*.dat"):
        if locale.stem.split("_")[0] not in LOCALES:
            locale.unlink()
    # Short numbers, such as 112, are nobody's mobile phone.
    for region in (target / "phonenumbers" / "shortdata").glob("region_*.py"):
        region.unlink()
    for stub in target.rglob("*.pyi"):
        stub.unlink()
    for folder, _, _ in os.walk(target, topdown=False):
        if Path(folder).name in ("tests", "test", "__pycache__"):
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
