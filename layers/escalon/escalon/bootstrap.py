"""Puts the parts together, once per process: the only place where clients are made.

One session serves all clients. Clients that send messages to people never retry by themselves.
"""

import os
import uuid
from datetime import datetime
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
from escalon.domain.identity import account_id_of
from escalon.domain.ports import Clock
from escalon.domain.rulebook import Rulebook
from escalon.settings import Settings, settings_from

if TYPE_CHECKING:
    from escalon.adapters.provider_secrets import ProviderSecrets
    from escalon.adapters.retry_later import RetryLater
    from escalon.providers.provider import Credential
    from escalon.usecases.answer_operators import AnswerOperators
    from escalon.usecases.confirm_payment import ConfirmPayment
    from escalon.usecases.deliver import Courier, Deliver
    from escalon.usecases.escalate import Escalate
    from escalon.usecases.import_receivables import ImportReceivables
    from escalon.usecases.payment_link import Links, OpenPaymentLink, Visit
    from escalon.usecases.receive_webhook import ReceiveWebhook
    from escalon.usecases.reconcile_payments import ReconcilePayments
    from escalon.usecases.record_feedback import QueueSmsStatus, RecordFeedback
    from escalon.usecases.record_history import RecordHistory
    from escalon.usecases.send_receipt import SendReceipt
    from escalon.usecases.sweep import Sweep
    from escalon.usecases.take_notice import TakeNotice


class NothingPublishedError(Exception):
    """No rulebook was ever put in force: `escalon rules publish` does."""


# The gateways' own types say what a request holds; checking it again costs a sixth of a run's CPU.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 5}, parameter_validation=False)
# Where somebody waits for our answer: a service that hangs is given up in time to say so, or to put
# the work on a queue.
_PROMPT = PATIENT.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1, read_timeout=3)
)
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
    return _session().client(service, config=_PROMPT if settings().somebody_waits else PATIENT)


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


def _rulebook_in_force() -> Rulebook | None:
    """The rulebook in force; None before one was ever published."""
    try:
        return _rulebooks().get(_rulebooks().live())
    except NothingPublishedError:
        return None


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
        boto3_client=_client("appconfigdata"),
    )


@cache
def _identity_key() -> bytes:
    """The key of the accounts' ids, which never changes."""
    found = _client("secretsmanager").get_secret_value(SecretId=settings().identity_secret)
    return str(found["SecretString"]).encode()


def _report(code: str, about: dict[str, Any]) -> None:
    from aws_lambda_powertools import Logger

    Logger(child=True).warning(code, extra=about)


@cache
def sweep() -> "Sweep":
    """Start a run."""
    from escalon.usecases.sweep import Sweep

    queue = Queue(_client("sqs"), settings().escalate_queue)
    return Sweep(_table(), queue, _rulebooks(), _clock())


def stale_feeds(rulebook: str, now: datetime) -> tuple[str, ...]:
    """Payment feeds of a rulebook's creditors that have told nothing for too long."""
    from escalon.usecases import feeds

    pinned = _rulebooks().get(rulebook)
    return feeds.stale(pinned, feeds.read(_table(), pinned.payments.feeds), now)


def rates_missing(rulebook: str, now: datetime) -> tuple[str, ...]:
    """Months, as "<table> <month>", whose rate a rulebook's creditors need by now or very soon."""
    from escalon.domain.interest import missing_months
    from escalon.domain.local_time import local_date

    pinned = _rulebooks().get(rulebook)
    today = local_date((pinned.default_zone,), now)
    return tuple(f"{one.table} {one.month}" for one in missing_months(pinned, today))


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

    return Deliver(_table(), _documents(), _rulebooks(), _clock(), _courier(), _report, _links())


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

    from escalon.usecases.import_receivables import ImportReceivables

    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")

    def continue_later(event: dict[str, Any]) -> None:
        _client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(event)
        )

    return ImportReceivables(
        _table(),
        _documents(),
        _clock(),
        _identity_key(),
        settings().zone,
        continue_later,
        _rulebook_in_force,
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


@cache
def _take_notice() -> "TakeNotice":
    from escalon.usecases.take_notice import TakeNotice

    return TakeNotice(_table(), _clock(), _name_of, _rulebook_in_force)


def _name_of(reference: str) -> str:
    """The opaque name of a reference; the key is read when the first one is needed."""
    return account_id_of(_identity_key(), reference)


@cache
def _webhook_secrets() -> "ProviderSecrets[list[Credential]]":
    from escalon.adapters.provider_secrets import ProviderSecrets
    from escalon.providers.provider import Credential

    arn = settings().webhook_secrets
    return ProviderSecrets(_client("secretsmanager"), arn, list[Credential])


@cache
def receive_webhook() -> "ReceiveWebhook":
    """Take what a payment provider posted."""
    from escalon.usecases.receive_webhook import ReceiveWebhook

    queue = Queue(_client("sqs"), settings().confirm_queue)
    return ReceiveWebhook(
        _rulebooks(),
        _webhook_secrets(),
        _documents(),
        _take_notice(),
        queue,
        _clock(),
        _report,
        in_production=settings().stage == "prod",
    )


@cache
def confirm_payment() -> "ConfirmPayment":
    """Settle a receipt that its provider has to be asked about."""
    import urllib3

    from escalon.adapters.provider_api import ProviderApi
    from escalon.adapters.provider_secrets import ProviderSecrets
    from escalon.providers.provider import Credential
    from escalon.usecases.confirm_payment import ConfirmPayment

    arn = settings().provider_api_keys
    keys = ProviderSecrets[Credential](_client("secretsmanager"), arn, Credential)
    api = ProviderApi(urllib3.PoolManager())
    return ConfirmPayment(_rulebooks(), _webhook_secrets(), keys, _documents(), _take_notice(), api)


@cache
def retry_confirming_later() -> "RetryLater":
    """Hide a message of the confirmations' queue for a while."""
    from escalon.adapters.retry_later import RetryLater

    return RetryLater(_client("sqs"), settings().confirm_queue)


# ---------------------------------------------------------------------------- delivery feedback


@cache
def record_feedback() -> "RecordFeedback":
    """Write down what a carrier tells of a message."""
    from escalon.usecases.record_feedback import RecordFeedback

    topic = settings().feedback_topic
    return RecordFeedback(_table(), _rulebooks(), _documents(), _clock(), topic, _report)


@cache
def queue_sms_status() -> "QueueSmsStatus":
    """Put what SNS has logged of SMS on the feedback queue."""
    from escalon.usecases.record_feedback import QueueSmsStatus

    return QueueSmsStatus(Queue(_client("sqs"), settings().feedback_queue), _report)


@cache
def retry_feedback_later() -> "RetryLater":
    """Hide a message of the feedback queue for a while."""
    from escalon.adapters.retry_later import RetryLater

    # A status may be quicker than the record of its send, by a moment.
    return RetryLater(_client("sqs"), settings().feedback_queue, first_seconds=2)


# --------------------------------------------------------------------- receipts and payment links


@cache
def send_receipt() -> "SendReceipt":
    """Confirm a payment to whoever made it."""
    from escalon.adapters.email import Email
    from escalon.usecases.send_receipt import SendReceipt

    email = Email(_session().client("sesv2", config=_ONCE), settings().configuration_set)
    return SendReceipt(_table(), _documents(), _rulebook_in_force, _clock(), email, _report)


def _links() -> "Links | None":
    """Makes the links of messages; None for a function that writes none."""
    from escalon.usecases.payment_link import Links

    here = settings()
    if not here.link_key:
        return None
    return Links(_link_key, here.public_url.replace("{api}", here.api))


@cache
def _link_key() -> bytes:
    """The key of the links' codes."""
    found = _client("secretsmanager").get_secret_value(SecretId=settings().link_key)
    return str(found["SecretString"]).encode()


@cache
def open_payment_link() -> "OpenPaymentLink":
    """Answer whoever opens the link of a message."""
    import urllib3

    from escalon.adapters.provider_api import ProviderApi
    from escalon.adapters.provider_secrets import ProviderSecrets
    from escalon.providers.provider import Credential
    from escalon.usecases.payment_link import OpenPaymentLink

    arn = settings().provider_api_keys
    keys = ProviderSecrets[Credential](_client("secretsmanager"), arn, Credential)
    # A debtor waits for it, and API Gateway for no longer than the function runs.
    api = ProviderApi(urllib3.PoolManager(), time_out=urllib3.Timeout(connect=1, read=2.5))
    return OpenPaymentLink(_table(), _rulebook_in_force, _clock(), _name_of, keys, api, _report)


def visit(*, code: str, api: str, languages: str, query: dict[str, str]) -> "Visit":
    """A browser's request to the API of this id."""
    from escalon.usecases.payment_link import Visit

    return Visit(code, settings().public_url.replace("{api}", api), languages, query)


# ------------------------------------------------------------------------------------ operators


@cache
def answer_operators() -> "AnswerOperators":
    """Answer what operators ask over HTTP."""
    from escalon.usecases.answer_operators import AnswerOperators
    from escalon.usecases.manage_payments import ManagePayments
    from escalon.usecases.suggest_matches import SuggestMatches

    manage = ManagePayments(_table(), _clock(), _name_of, _rulebook_in_force)
    return AnswerOperators(_table(), manage, SuggestMatches(_table(), _name_of))


@cache
def reconcile_payments() -> "ReconcilePayments":
    """Compare a provider's settlement file with the ledger."""
    from escalon.usecases.reconcile_payments import ReconcilePayments

    return ReconcilePayments(
        _table(),
        _documents(),
        _clock(),
        _name_of,
        _take_notice(),
        _rulebook_in_force,
        settings().zone,
        in_production=settings().stage == "prod",
    )
