"""Starts, deploys to and stops an embedded AWS (MiniStack) on this machine, one folder a stack."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from escalon_cli.local import mailbox

PROJECT = Path(__file__).resolve().parents[3]
REGION = "us-east-1"
DEFAULT_NAME = "local"
REPLAY_NAME = "replay"

# MiniStack's administrator; with AUTH=true it is the only one who needs no role.
ADMINISTRATOR = ("test", "test")

_CLOUDFORMATION_STACK = "escalon"
_START_SECONDS = 30
_BUSY_SECONDS = 180
_STOP_SECONDS = 3  # its data are thrown away, so nothing has to be put in order
_LOG_LINES = 25


class StackError(Exception):
    """What failed, the end of its log, and what the person can do about it."""

    def __init__(self, what: str, remedy: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log

    def __str__(self) -> str:
        parts = [self.what]
        if self.log is not None:
            parts += [f"The end of {self.log}:", *(f"  {line}" for line in _last_lines(self.log))]
        return "\n".join([*parts, self.remedy])


@dataclass(frozen=True)
class StackInfo:
    """A running, deployed stack and how to reach it."""

    name: str
    endpoint_url: str
    carriers_url: str  # where SES and SNS are played (ses_stand_in)
    providers_url: str  # where the payment providers are (provider_stand_in)
    port: int
    pid: int
    auth: bool
    folder: Path
    region: str = REGION
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def mailbox_url(self) -> str:
        """Where a person reads what was sent."""
        return f"{self.carriers_url}{mailbox.PATH}"

    def environment(self) -> dict[str, str]:
        """The standard variables that point any AWS client at this stack, as its administrator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            **_carriers(self.carriers_url),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ADMINISTRATOR[0],
            "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR[1],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def session(self) -> boto3.Session:
        """A session as the stack's administrator; its clients need `endpoint_url` as well."""
        return boto3.Session(
            aws_access_key_id=ADMINISTRATOR[0],
            aws_secret_access_key=ADMINISTRATOR[1],
            region_name=self.region,
        )

    def client(self, service: str, **settings: Any) -> Any:
        """A client of one service of this stack, as its administrator."""
        config = Config(proxies={}, connect_timeout=5, retries={"mode": "standard"})
        url = self.carriers_url if service in ("sesv2", "sns") else self.endpoint_url
        return self.session().client(
            service, endpoint_url=url, config=config.merge(Config(**settings))
        )


def up(
    name: str = DEFAULT_NAME,
    *,
    auth: bool = False,
    parameters: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    fresh: bool = False,
    project: Path = PROJECT,
    console: Console | None = None,
) -> StackInfo:
    """Start a stack if it does not run and deploy template.yaml if anything in it has changed.

    `auth` makes MiniStack enforce IAM. `environment` is given to MiniStack and so to every
    function. `fresh` throws away a running stack of that name with all its data. A start that
    fails or is interrupted leaves nothing behind; a failed deploy to a stack that was already
    there leaves it as it was.
    """
    out = console or Console(stderr=True)
    folder = _folder(project, name)
    given = dict(environment or {})
    with _exclusively(folder, out) as busy, ending_is_an_interrupt():
        known = _read(folder)
        same = known is not None and known["auth"] == auth and known["environment"] == given
        if fresh or not same or not _is_alive(folder):
            with nullcontext() if known is None else _step(out, "Ending the stack that was there"):
                _stop(folder)
            started = True
            known = None
        else:
            started = False
        try:
            if known is None:
                with _step(out, "Starting the embedded AWS"):
                    known = _start(folder, project, auth=auth, environment=given)
            info = _info(name, folder, known)
            wanted = _fingerprint(project, parameters or {})
            if known.get("deployed") == wanted:
                return info
            with _step(out, "Building the layers (sam build)"):
                _sam_build(info, project, busy)
            with _step(out, "Deploying template.yaml (sam deploy)"):
                outputs = _sam_deploy(info, project, parameters or {}, busy)
                _add_what_ministack_drops(info, parameters or {})
            _write(folder, {**known, "deployed": wanted, "outputs": outputs})
            return replace(info, outputs=outputs)
        except BaseException:
            if started:
                _stop(folder)
            raise


def down(name: str = DEFAULT_NAME, *, project: Path = PROJECT) -> bool:
    """Stop a stack and throw away its data; say whether one was running."""
    folder = _folder(project, name)
    if not folder.is_dir():
        return False
    with _exclusively(folder, Console(stderr=True)):
        running = _is_alive(folder)
        _stop(folder)
    # The lock's file stays: removing it would let two callers hold "the" lock at once.
    return running


def status(name: str = DEFAULT_NAME, *, project: Path = PROJECT) -> StackInfo | None:
    """Tell how to reach a stack; nothing when it does not run or is not deployed."""
    folder = _folder(project, name)
    known = _read(folder)
    if known is None or "deployed" not in known or not _is_alive(folder):
        return None
    return _info(name, folder, known)


def running(*, project: Path = PROJECT) -> list[StackInfo]:
    """Every deployed stack of this checkout."""
    folders = sorted(_stacks(project).glob("*/stack.json"))
    found = (status(path.parent.name, project=project) for path in folders)
    return [info for info in found if info is not None]


def down_all(*, project: Path = PROJECT) -> list[str]:
    """Stop every stack of this checkout; half-started ones too."""
    names = sorted(path.name for path in _stacks(project).glob("*") if path.is_dir())
    return [name for name in names if down(name, project=project)]


def deploy(
    stage: str, *, parameters: Mapping[str, str] | None = None, project: Path = PROJECT
) -> None:
    """Build for the cloud and deploy to a stage of samconfig.toml, as the caller of AWS.

    sam talks to the person: it shows the change set and asks before it changes anything.
    """
    program = _program(project, "sam")
    build = project / ".aws-sam" / "build"
    variables = {**os.environ, **_sam_variables(project), "ESCALON_LAYER_ARCH": "aarch64"}
    steps = [
        ["build", "--template", "template.yaml", "--build-dir", str(build)],
        [
            *("deploy", "--template-file", str(build / "template.yaml")),
            *("--config-file", str(project / "samconfig.toml"), "--config-env", stage),
        ],
    ]
    if parameters:
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        steps[1] += ["--parameter-overrides", f"Stage={stage}", *overrides]
    for step in steps:
        done = subprocess.run([str(program), *step], cwd=project, env=variables, check=False)
        if done.returncode != 0:
            raise StackError(f"sam {step[0]} failed.", "Its own message above says why.")


# --- MiniStack's process ---------------------------------------------------------------------


def _start(
    folder: Path, project: Path, *, auth: bool, environment: dict[str, str]
) -> dict[str, Any]:
    interpreter = _program(project, "ministack").with_name("python")
    # -P: the folder of that file is ours, and must not become a place to import from.
    program = [str(interpreter), "-P", str(Path(__file__).with_name("embedded_aws.py"))]
    log = folder / "ministack.log"
    for _ in range(3):
        port, carriers_port, providers_port = _free_ports(3)
        carriers = _carriers(f"http://127.0.0.1:{carriers_port}")
        process = _spawn(program, folder, port, auth=auth, environment={**carriers, **environment})
        _spawn_outside(folder, port, carriers_port, providers_port)
        known = {
            "port": port,
            "carriers_port": carriers_port,
            "providers_port": providers_port,
            "pid": process.pid,
            "auth": auth,
            "environment": environment,
        }
        _write(folder, known)
        # Asked through the stand-in, so that both are there.
        if _answers(process, carriers_port):
            return known
        _stop(folder)
        if "already in use" not in "".join(_last_lines(log)):
            break
    raise StackError(
        f"The embedded AWS did not answer within {_START_SECONDS} seconds.",
        "Try again; if it persists, run `make clean` and then the same command.",
        log,
    )


def _spawn(
    program: Sequence[str], folder: Path, port: int, *, auth: bool, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    for part in ("state", "s3", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    # Functions inherit MiniStack's environment, so it gets nothing of this shell's that could
    # make them behave as they would not in AWS.
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": str(folder / "tmp"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "AUTH": "true" if auth else "false",
        "AWS_ACCESS_KEY_ID": ADMINISTRATOR[0],
        "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR[1],
        "AWS_EC2_METADATA_DISABLED": "true",
        **environment,
    }
    # The process holds this lock for as long as it lives, whatever happens to us: that, and not
    # a number that may have been given to somebody else, says that it is alive.
    alive = _open_lock(folder / "alive")
    try:
        fcntl.flock(alive, fcntl.LOCK_EX)
        with (folder / "ministack.log").open("wb") as log:
            return subprocess.Popen(
                # The shell writes the process's own number before anything can interrupt us.
                ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(folder / "pid"), *program],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(alive.fileno(),),
            )
    finally:
        alive.close()


def _carriers(url: str) -> dict[str, str]:
    """The standard variables that bring SES, SNS and WhatsApp to the stand-in."""
    services = ("SESV2", "SNS", "SOCIALMESSAGING")
    return {f"AWS_ENDPOINT_URL_{service}": url for service in services}


def _spawn_outside(folder: Path, port: int, carriers_port: int, providers_port: int) -> None:
    """Start what plays the carriers and the payment providers; it ends by itself when MiniStack
    does."""
    program = [sys.executable, "-P", "-m", "escalon_cli.local.outside", str(folder)]
    with (folder / "outside.log").open("wb") as log:
        subprocess.Popen(
            [*program, f"http://127.0.0.1:{port}", str(carriers_port), str(providers_port)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until MiniStack says it is healthy; no when it ends or takes too long."""
    give_up_at = time.monotonic() + _START_SECONDS
    # No proxy, whatever the environment says: this is our own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < give_up_at:
        with suppress(urllib.error.URLError, OSError):
            opener.open(f"http://127.0.0.1:{port}/_ministack/health", timeout=2).close()
            return process.poll() is None
        time.sleep(0.1)  # MiniStack has no other way to say that it is ready
    return False


def _stop(folder: Path) -> None:
    """End the stack's process, if it lives, and remove what it left."""
    if _is_alive(folder):
        try:
            pid = int((folder / "pid").read_text())
        except (OSError, ValueError) as problem:
            raise StackError(
                f"A stack runs in {folder} and its process number is lost.",
                "End the `ministack` process of that folder by hand and try again.",
            ) from problem
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
            if _ends(folder, pid):
                break
        # The functions' workers are of the same process group and may outlive a killed parent.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for part in ("state", "s3", "tmp", "build", "ses"):
        shutil.rmtree(folder / part, ignore_errors=True)
    for part in ("stack.json", "pid", "fates.json"):
        (folder / part).unlink(missing_ok=True)


def _ends(folder: Path, pid: int) -> bool:
    give_up_at = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < give_up_at:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _is_alive(folder):
            return True
        time.sleep(0.05)  # the process that ends is not always our own child
    return False


def _is_alive(folder: Path) -> bool:
    """Tell whether a MiniStack of this folder lives, by the lock that it holds."""
    path = folder / "alive"
    if not path.exists():
        return False
    with _open_lock(path) as lock:
        try:
            # Shared, so that two who ask at once do not take each other for MiniStack.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as probes:
        found = []
        for _ in range(count):
            probe = probes.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found.append(int(probe.getsockname()[1]))
    return found


# --- sam -------------------------------------------------------------------------------------


def _sam_build(info: StackInfo, project: Path, busy: IO[str]) -> None:
    _sam(
        info,
        project,
        busy,
        "build",
        ["--template", "template.yaml", "--build-dir", str(info.folder / "build")],
        "Correct what the log names, then run the same command again.",
    )


def _sam_deploy(
    info: StackInfo, project: Path, parameters: Mapping[str, str], busy: IO[str]
) -> dict[str, str]:
    bucket = "escalon-artifacts"
    try:
        info.client("s3").create_bucket(Bucket=bucket)
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        _sam(
            info,
            project,
            busy,
            "deploy",
            [
                *("--template-file", str(info.folder / "build" / "template.yaml")),
                *("--stack-name", _CLOUDFORMATION_STACK, "--region", info.region),
                *("--s3-bucket", bucket, "--no-progressbar"),
                *("--config-file", str(project / "samconfig.toml"), "--config-env", "local"),
                *("--parameter-overrides", "Stage=local", f"PublicUrl={_apis(info)}/{{api}}/v1"),
                *overrides,
            ],
            "The log names the resource and the reason; correct template.yaml and try again.",
        )
        described = info.client("cloudformation").describe_stacks(StackName=_CLOUDFORMATION_STACK)
    except (BotoCoreError, ClientError) as problem:
        raise StackError(
            f"The embedded AWS refused a call: {problem}",
            "Its log may say why; `escalon down` and `escalon up` start it anew.",
            info.folder / "ministack.log",
        ) from problem
    outputs = {
        output["OutputKey"]: output["OutputValue"]
        for output in described["Stacks"][0].get("Outputs", [])
    }
    return {**outputs, "ApiUrl": _served_here(info, outputs["ApiUrl"])}


def _served_here(info: StackInfo, api_url: str) -> str:
    """Where MiniStack serves the API that AWS would serve under a name of its own."""
    host, _, stage = api_url.removeprefix("https://").partition("/")
    return f"{_apis(info)}/{host.partition('.')[0]}/{stage}"


def _apis(info: StackInfo) -> str:
    """The address under which MiniStack serves every API by its id."""
    return f"{info.endpoint_url}/_aws/execute-api"


def _sam(
    info: StackInfo, project: Path, busy: IO[str], verb: str, options: Sequence[str], remedy: str
) -> None:
    program = _program(project, "sam")
    # The owner's own AWS settings must not take a local deploy to a real account.
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))
    }
    variables |= info.environment()
    variables |= _sam_variables(project)
    variables |= {
        "SAM_CLI_POLL_DELAY": "0.2",
        # The functions run on this machine's processor, so the layer's wheels must be for it.
        "ESCALON_LAYER_ARCH": _processor(),
    }
    log = info.folder / f"sam-{verb}.log"
    with log.open("wb") as output:
        command = [str(program), verb, *options]
        if _run(command, cwd=project, env=variables, output=output, busy=busy) != 0:
            raise StackError(f"sam {verb} failed.", remedy, log)


def _sam_variables(project: Path) -> dict[str, str]:
    """What every call of sam needs; the layers' makefiles read those of ours."""
    return {
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(project / ".local" / "sam-home"),
        "ESCALON_LAYER_CACHE": str(project / ".local" / "layer-cache"),
        "ESCALON_PYTHON": sys.executable,
    }


def _program(project: Path, name: str) -> Path:
    program = project / ".local" / name / "bin" / name
    if not program.exists():
        raise StackError(f"{program} is missing.", "Run `make setup` first.")
    return program


def _add_what_ministack_drops(info: StackInfo, parameters: Mapping[str, str]) -> None:
    """Set what template.yaml asks for and MiniStack's CloudFormation leaves out.

    Those are a table's time to live and point-in-time recovery, and a function's RecursiveLoop:
    without the last, a chain of functions that invoke each other ends after 16. Where the stack has
    a clock of its own nothing expires: MiniStack would go by the machine's.
    """
    expires = parameters.get("Clock") != "table"
    built = (info.folder / "build" / "template.yaml").read_text(encoding="utf-8")
    template = yaml.load(built, _TemplateLoader)  # noqa: S506 - makes YAML's own types only
    pages = info.client("cloudformation").get_paginator("list_stack_resources")
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=_CLOUDFORMATION_STACK)
        for resource in page["StackResourceSummaries"]
    }
    tables, functions = info.client("dynamodb"), info.client("lambda")
    for logical, resource in template["Resources"].items():
        if logical not in physical:  # its condition does not hold in this stack
            continue
        name, asked = physical[logical], resource.get("Properties") or {}
        if resource["Type"] == "AWS::DynamoDB::Table":
            if (expiry := asked.get("TimeToLiveSpecification")) and expires:
                state = tables.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
                if state["TimeToLiveStatus"] != "ENABLED":
                    tables.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
            if recovery := asked.get("PointInTimeRecoverySpecification"):
                tables.update_continuous_backups(
                    TableName=name, PointInTimeRecoverySpecification=recovery
                )
        elif asked.get("RecursiveLoop"):
            functions.put_function_recursion_config(
                FunctionName=name, RecursiveLoop=asked["RecursiveLoop"]
            )


class _TemplateLoader(yaml.SafeLoader):
    """Reads a template's shape; what CloudFormation would compute stays uncomputed."""


_TemplateLoader.add_multi_constructor("!", lambda *_: None)


def _run(
    command: list[str], *, cwd: Path, env: dict[str, str], output: IO[bytes], busy: IO[str]
) -> int:
    """Run to the end; when interrupted, end the command and its children first.

    The command holds the folder's lock too: should we be killed, the next one waits for it.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=(busy.fileno(),),
    )
    try:
        return process.wait()
    except BaseException:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
                break
        raise


def _processor() -> str:
    return "aarch64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def _fingerprint(project: Path, parameters: Mapping[str, str]) -> str:
    """Name everything that a deploy is made of, so that an unchanged one is not repeated."""
    digest = hashlib.sha256(json.dumps(sorted(parameters.items())).encode())
    sources = [project / "template.yaml", project / "samconfig.toml"]
    for folder in ("functions", "layers"):
        sources += sorted(
            path
            for path in (project / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    for source in sources:
        digest.update(f"{source.relative_to(project)}\0".encode())
        digest.update(source.read_bytes() if source.exists() else b"")
    return digest.hexdigest()


# --- the stack's folder ----------------------------------------------------------------------


def _stacks(project: Path) -> Path:
    return project / ".local" / "stacks"


def _folder(project: Path, name: str) -> Path:
    if not name.replace("-", "").isalnum():
        raise StackError(
            f"{name!r} cannot name a stack.", "Use letters, digits and hyphens, as in `local`."
        )
    return _stacks(project) / name


def _info(name: str, folder: Path, known: Mapping[str, Any]) -> StackInfo:
    return StackInfo(
        name=name,
        endpoint_url=f"http://127.0.0.1:{known['port']}",
        carriers_url=f"http://127.0.0.1:{known['carriers_port']}",
        providers_url=f"http://127.0.0.1:{known['providers_port']}",
        port=known["port"],
        pid=known["pid"],
        auth=known["auth"],
        folder=folder,
        outputs=known.get("outputs", {}),
    )


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return known


def _write(folder: Path, known: Mapping[str, Any]) -> None:
    unfinished = folder / "stack.json.new"
    unfinished.write_text(json.dumps(known, indent=2), encoding="utf-8")
    unfinished.replace(folder / "stack.json")


def _open_lock(path: Path) -> IO[str]:
    return path.open("a", encoding="utf-8")


@contextmanager
def _exclusively(folder: Path, out: Console) -> Iterator[IO[str]]:
    """Hold the stack's folder, so that two commands do not start or stop it at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with _open_lock(folder / "busy") as lock:
        if not _take(lock):
            with out.status("Another command is starting or stopping this stack; waiting …"):
                give_up_at = time.monotonic() + _BUSY_SECONDS
                while not _take(lock):
                    if time.monotonic() > give_up_at:
                        raise StackError(
                            f"Another command has held the stack in {folder} for "
                            f"{_BUSY_SECONDS} seconds.",
                            "Wait until it ends, or end it, and try again.",
                        )
                    time.sleep(0.1)  # flock has no time-out of its own
        yield lock


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def ending_is_an_interrupt() -> Iterator[None]:
    """Let a closed terminal or a `kill` clean up as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _step(out: Console, what: str) -> Iterator[None]:
    """Show that something goes on, and how long it took."""
    began = time.monotonic()
    with out.status(f"{what} …"):
        try:
            yield
        except BaseException:
            out.print(f"[red]✗[/] {what} ({time.monotonic() - began:.1f} s)")
            raise
    out.print(f"[green]✓[/] {what} ({time.monotonic() - began:.1f} s)")


def _last_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line.strip()][-_LOG_LINES:]
