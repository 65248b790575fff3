"""Puts the parts together, once per process: the only place where clients are made.

One session serves all clients. Clients that send messages to people never retry by themselves.
"""

import os
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from escalon.adapters.clock import SystemClock, TableClock
from escalon.adapters.documents import Documents
from escalon.adapters.queue import Queue
from escalon.adapters.rulebook_source import PublishedRulebooks
from escalon.adapters.table import Table
from escalon.domain.ports import Clock
from escalon.settings import Settings, settings_from

if TYPE_CHECKING:
    from escalon.usecases.deliver import Courier, Deliver
    from escalon.usecases.escalate import Escalate
    from escalon.usecases.import_receivables import ImportReceivables
    from escalon.usecases.record_history import RecordHistory
    from escalon.usecases.sweep import Sweep


class NothingPublishedError(Exception):
    """No rulebook was ever put in force: `escalon rules publish` does."""


# The gateways' own types say what a request holds; checking it again costs a sixth of a run's CPU.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 5}, parameter_validation=False)
# A retry after a lost answer would be a second message to the debtor (invariant 1).
# The time-outs end before the function does: a connection that was not made is then known as such.
_ONCE = Config(
    retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=5, read_timeout=20
)


@cache
def settings() -> Settings:
    """What the template told this function."""
    return settings_from(os.environ)


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@cache
def _client(service: str) -> Any:
    return _session().client(service, config=PATIENT)


@cache
def _table() -> Table:
    return Table(_client("dynamodb"), settings().table, settings().shards)


@cache
def _documents() -> Documents:
    return Documents(_client("s3"), settings().bucket)


@cache
def _clock() -> Clock:
    return TableClock(_table()) if settings().clock == "table" else SystemClock()


@cache
def _rulebooks() -> PublishedRulebooks:
    return PublishedRulebooks(_documents(), _live_pointer)


def _live_pointer() -> Any:
    from aws_lambda_powertools.utilities.parameters import AppConfigProvider
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        return _app_config(AppConfigProvider).get(settings().rulebook_profile, max_age=30)
    except GetParameterError as error:
        if _is_nothing_there(error.__context__):
            raise NothingPublishedError from error
        raise


def _is_nothing_there(cause: BaseException | None) -> bool:
    """Whether AppConfig has nothing deployed: it says so, or answers with nothing, which Powertools
    looks for in vain among what it got before."""
    if isinstance(cause, ClientError):
        return cause.response["Error"]["Code"] == "ResourceNotFoundException"
    return isinstance(cause, KeyError)


@cache
def _app_config(provider: Any) -> Any:
    return provider(
        environment=settings().rulebook_environment,
        application=settings().rulebook_application,
        boto3_session=_session(),
    )


def _report(code: str, about: dict[str, Any]) -> None:
    from aws_lambda_powertools import Logger

    Logger(child=True).warning(code, extra=about)


@cache
def sweep() -> "Sweep":
    """Start a run."""
    from escalon.usecases.sweep import Sweep

    queue = Queue(_client("sqs"), settings().escalate_queue)
    return Sweep(_table(), queue, _rulebooks(), _clock())


@cache
def escalate() -> "Escalate":
    """Look at one shard."""
    from escalon.usecases.escalate import Escalate

    here = settings()
    sqs = _client("sqs")
    delivery = {
        "email": Queue(sqs, here.email_queue),
        "sms": Queue(sqs, here.sms_queue),
        "task": Queue(sqs, here.task_queue),
    }
    own = Queue(sqs, here.escalate_queue)
    return Escalate(_table(), _rulebooks(), delivery, own, lambda: uuid.uuid4().hex[:8], _report)


@cache
def deliver() -> "Deliver":
    """Settle intents of this function's channel."""
    from escalon.usecases.deliver import Deliver

    return Deliver(_table(), _documents(), _rulebooks(), _clock(), _courier(), _report)


def _courier() -> "Courier | None":
    here = settings()
    if here.channel == "email":
        from escalon.adapters.email import Email
        from escalon.usecases.couriers import EmailCourier

        client = _session().client("sesv2", config=_ONCE)
        return EmailCourier(Email(client, here.configuration_set))
    if here.channel == "sms":
        from escalon.adapters.sms import Sms
        from escalon.usecases.couriers import SmsCourier

        return SmsCourier(Sms(_session().client("sns", config=_ONCE)))
    return None


@cache
def import_receivables() -> "ImportReceivables":
    """Take a file of the inbox in."""
    import json

    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    from escalon.usecases.import_receivables import ImportReceivables

    here = settings()
    secret = SecretsProvider(boto3_session=_session()).get(here.identity_secret, max_age=900)
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")

    def continue_later(event: dict[str, Any]) -> None:
        _client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
        )

    return ImportReceivables(
        _table(), _documents(), _clock(), str(secret).encode(), here.zone, continue_later
    )


@cache
def record_history() -> "RecordHistory":
    """Take facts on from the table's stream."""
    from escalon.adapters.bus import Bus
    from escalon.adapters.history import History
    from escalon.usecases.record_history import RecordHistory

    here = settings()
    return RecordHistory(
        History(_client("dynamodb"), here.history_table), Bus(_client("events"), here.bus)
    )
