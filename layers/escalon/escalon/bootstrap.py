"""Puts the parts together, once per process: the only place where clients are made.

One session serves all clients. Clients that send messages to people never retry by themselves.
"""

import os
import secrets
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
from escalon.adapters.rulebook_source import NothingPublishedError as NothingPublishedError
from escalon.adapters.rulebook_source import PublishedRulebooks
from escalon.adapters.table import Table
from escalon.domain.account import Account
from escalon.domain.identity import account_id_of
from escalon.domain.ports import Clock
from escalon.domain.rules.rulebook import Rulebook
from escalon.settings import Settings, settings_from

if TYPE_CHECKING:
    from escalon.adapters.provider_secrets import ProviderSecrets
    from escalon.adapters.retry_later import RetryLater
    from escalon.providers.provider import Credential
    from escalon.usecases.agreements.keep_document import KeepDocument
    from escalon.usecases.agreements.send_document import SendDocument
    from escalon.usecases.agreements.verify_document import VerifyDocument
    from escalon.usecases.contact.deliver import Courier, Deliver
    from escalon.usecases.contact.receive_reply import ReceiveReply
    from escalon.usecases.contact.record_feedback import QueueSmsStatus, RecordFeedback
    from escalon.usecases.import_receivables import ImportReceivables
    from escalon.usecases.operators.answer_agreements import AnswerAgreements
    from escalon.usecases.operators.answer_operations import AnswerOperations
    from escalon.usecases.operators.answer_payments import AnswerOperators
    from escalon.usecases.operators.answer_personal_data import AnswerPersonalData
    from escalon.usecases.payments.confirm_payment import ConfirmPayment
    from escalon.usecases.payments.payment_link import Links, OpenPaymentLink, Visit
    from escalon.usecases.payments.receive_webhook import ReceiveWebhook
    from escalon.usecases.payments.reconcile_payments import ReconcilePayments
    from escalon.usecases.payments.send_receipt import SendReceipt
    from escalon.usecases.payments.take_notice import TakeNotice
    from escalon.usecases.personal_data import PersonalData
    from escalon.usecases.portal.visit import VisitPortal
    from escalon.usecases.record_history import RecordHistory
    from escalon.usecases.rules.publish import PublishRules
    from escalon.usecases.rules.validate import ValidateRulebook
    from escalon.usecases.runs.escalate import Escalate
    from escalon.usecases.runs.replan import Replan
    from escalon.usecases.runs.review_book import ReviewBook
    from escalon.usecases.runs.sweep import Sweep


# The gateways' own types say what a request holds; checking it again costs a sixth of a run's CPU.
PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 5}, parameter_validation=False)
# Where somebody waits for our answer: a service that hangs is given up in time to say so, or to put
# the work on a queue.
_PROMPT = PATIENT.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1, read_timeout=3)
)
# Addresses and forms that others use: in the oldest regions boto3 signs them in a way that buckets
# made after June 2020 do not take (AWS: "Signature Version 2 turned off"), and names the bucket by
# an address that is redirected while the bucket is new, which a page's policy forbids a form.
_SIGNED = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
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
    config = _PROMPT if settings().somebody_waits else PATIENT
    return _session().client(service, config=config.merge(_SIGNED) if service == "s3" else config)


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
    return PublishedRulebooks(_documents(), _live_pointer, _report)


def _rulebook_in_force(account_id: str = "") -> Rulebook | None:
    """The rulebook in force, for an account that of its side; None before one was ever
    published."""
    try:
        return _rulebooks().get(_rulebooks().rollout().side_of(account_id))
    except NothingPublishedError:
        return None


def _rulebook_deciding(account: Account) -> Rulebook | None:
    """The rulebook that decides about the account now: of its side, or the one that it keeps while
    it is under way. None before one was ever published."""
    try:
        return _rulebooks().get(_rulebooks().rollout().version_for(account))
    except NothingPublishedError:
        return None


def _live_pointer(fresh: bool) -> Any:
    from aws_lambda_powertools.utilities.parameters import AppConfigProvider
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    if fresh:
        _app_config.cache_clear()
    try:
        # AppConfig refuses whoever asks again before a minute has passed, unless told at the start.
        return _app_config(AppConfigProvider).get(
            settings().rulebook_profile, max_age=30, RequiredMinimumPollIntervalInSeconds=15
        )
    except GetParameterError as error:
        _app_config.cache_clear()  # its token is good for one call, which is gone
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
    from escalon.usecases.runs.sweep import Sweep

    queue = Queue(_client("sqs"), settings().escalate_queue)
    return Sweep(_table(), queue, _rulebooks(), _clock())


def stale_feeds(rulebook: str, now: datetime) -> tuple[str, ...]:
    """Payment feeds of a rulebook's creditors that have told nothing for too long."""
    from escalon.usecases.runs import feeds

    pinned = _rulebooks().get(rulebook)
    return feeds.stale(pinned, feeds.read(_table(), pinned.payments.feeds), now)


def keep_quotas(now: datetime) -> bool:
    """Ask the carriers what they take, so that a run paces itself. False if they did not say; then
    what was read before counts for a while. A local stack paces nothing."""
    from escalon.adapters.quotas import email_quota, sms_quota
    from escalon.usecases.runs import pace

    if settings().stage == "local":
        return True
    try:
        pace.keep_quotas(_table(), (email_quota(_client("sesv2"), now), sms_quota(now)))
    except Exception as error:
        _report("quotas_not_read", {"error": type(error).__name__})
        return False
    return True


def rates_missing(rulebook: str, now: datetime) -> tuple[str, ...]:
    """Months, as "<table> <month>", whose rate a rulebook's creditors need by now or very soon."""
    from escalon.domain.local_time import local_date
    from escalon.domain.payments.interest import missing_months

    pinned = _rulebooks().get(rulebook)
    today = local_date((pinned.default_zone,), now)
    return tuple(f"{one.table} {one.month}" for one in missing_months(pinned, today))


def holidays_ending(rulebook: str, now: datetime) -> tuple[str, ...]:
    """Countries whose holidays are over or nearly so: without them nobody there is contacted."""
    from escalon.domain.contact.told import HOLIDAYS_AHEAD, holidays_through

    return tuple(
        country
        for country, through in holidays_through(_rulebooks().get(rulebook)).items()
        if through - now.date() < HOLIDAYS_AHEAD
    )


@cache
def escalate() -> "Escalate":
    """Look at one shard."""
    from escalon.usecases.runs.escalate import Escalate

    here = settings()
    sqs = _client("sqs")
    delivery = {
        "email": Queue(sqs, here.email_queue),
        "sms": Queue(sqs, here.sms_queue),
        "whatsapp": Queue(sqs, here.whatsapp_queue),
        "task": Queue(sqs, here.task_queue),
    }
    own = Queue(sqs, here.escalate_queue)
    return Escalate(_table(), _rulebooks(), delivery, own, lambda: uuid.uuid4().hex[:8], _report)


@cache
def deliver() -> "Deliver":
    """Settle intents of this function's channel."""
    from escalon.usecases.contact.deliver import Deliver

    return Deliver(_table(), _documents(), _rulebooks(), _clock(), _courier(), _report, _links())


def _courier() -> "Courier | None":
    here = settings()
    if here.channel == "email":
        from escalon.adapters.email import Email
        from escalon.usecases.contact.couriers import EmailCourier

        client = _session().client("sesv2", config=_ONCE)
        return EmailCourier(Email(client, here.configuration_set))
    if here.channel == "sms":
        from escalon.adapters.sms import Sms
        from escalon.usecases.contact.couriers import SmsCourier

        return SmsCourier(Sms(_session().client("sns", config=_ONCE)))
    if here.channel == "whatsapp":
        from escalon.adapters.whatsapp import Whatsapp
        from escalon.usecases.contact.couriers import WhatsappCourier

        client = _session().client("socialmessaging", config=_ONCE)
        return WhatsappCourier(Whatsapp(client, here.whatsapp_number))
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
    from escalon.usecases.payments.take_notice import TakeNotice

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
    from escalon.usecases.payments.receive_webhook import ReceiveWebhook

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
    from escalon.usecases.payments.confirm_payment import ConfirmPayment

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
    from escalon.usecases.contact.record_feedback import RecordFeedback

    topic = settings().feedback_topic
    return RecordFeedback(_table(), _rulebooks(), _documents(), _clock(), topic, _report)


@cache
def queue_sms_status() -> "QueueSmsStatus":
    """Put what SNS has logged of SMS on the feedback queue."""
    from escalon.usecases.contact.record_feedback import QueueSmsStatus

    return QueueSmsStatus(Queue(_client("sqs"), settings().feedback_queue), _report)


@cache
def retry_feedback_later() -> "RetryLater":
    """Hide a message of the feedback queue for a while."""
    from escalon.adapters.retry_later import RetryLater

    # A status may be quicker than the record of its send, by a moment.
    return RetryLater(_client("sqs"), settings().feedback_queue, first_seconds=2)


@cache
def receive_reply() -> "ReceiveReply":
    """Take what debtors write back."""
    from escalon.usecases.contact.receive_reply import ReceiveReply
    from escalon.usecases.payments.payment_link import Links

    here = settings()
    return ReceiveReply(
        _table(),
        _rulebook_in_force,
        _documents(),
        _clock(),
        here.reply_topic,
        Links(_link_key, "").name_of,
        Queue(_client("sqs"), here.feedback_queue),
        _report,
    )


@cache
def retry_reply_later() -> "RetryLater":
    """Hide a message of the reply queue for a while."""
    from escalon.adapters.retry_later import RetryLater

    return RetryLater(_client("sqs"), settings().reply_queue, first_seconds=2)


# --------------------------------------------------------------------- receipts and payment links


@cache
def send_receipt() -> "SendReceipt":
    """Confirm a payment to whoever made it."""
    from escalon.adapters.email import Email
    from escalon.usecases.payments.send_receipt import SendReceipt

    email = Email(_session().client("sesv2", config=_ONCE), settings().configuration_set)
    return SendReceipt(_table(), _documents(), _rulebook_in_force, _clock(), email, _report)


def _links() -> "Links | None":
    """Makes the links of messages; None for a function that writes none."""
    from escalon.usecases.payments.payment_link import Links

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
    from escalon.usecases.payments.payment_link import OpenPaymentLink

    arn = settings().provider_api_keys
    keys = ProviderSecrets[Credential](_client("secretsmanager"), arn, Credential)
    # A debtor waits for it, and API Gateway for no longer than the function runs.
    api = ProviderApi(urllib3.PoolManager(), time_out=urllib3.Timeout(connect=1, read=2.5))
    return OpenPaymentLink(_table(), _rulebook_in_force, _clock(), _name_of, keys, api, _report)


@cache
def visit_portal(api: str) -> "VisitPortal":
    """Answer a debtor's browser, for the API of this id."""
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.usecases.agreements.manage_agreements import ManageAgreements
    from escalon.usecases.contact.answers import Answers
    from escalon.usecases.portal.account import AccountPages
    from escalon.usecases.portal.acts import PortalActs
    from escalon.usecases.portal.agreements import AgreementPages
    from escalon.usecases.portal.codes import Codes
    from escalon.usecases.portal.disputes import DisputePages
    from escalon.usecases.portal.door import Doors
    from escalon.usecases.portal.own_agreements import OwnAgreementPages
    from escalon.usecases.portal.session import Sessions
    from escalon.usecases.portal.visit import VisitPortal

    table, clock = _table(), _clock()
    sessions, doors, acts = Sessions(_portal_key, _nonce), Doors(table), PortalActs(table, clock)
    email = Email(_session().client("sesv2", config=_ONCE), settings().configuration_set)
    sms = Sms(_session().client("sns", config=_ONCE))
    sending = Answers(table, _documents(), clock, _report)
    codes = Codes(table, sessions, doors, email, sms, sending)
    agreements = ManageAgreements(table, _rulebook_in_force, clock)
    return VisitPortal(
        table,
        open_payment_link(),
        sessions,
        doors,
        codes,
        acts,
        AccountPages(table),
        AgreementPages(agreements, lambda: keep_document(api), codes, acts),
        OwnAgreementPages(agreements, lambda: keep_document(api), acts),
        DisputePages(acts, _documents(), sessions),
        _report,
    )


@cache
def _portal_key() -> bytes:
    """The key of sessions, forms and one-time codes."""
    found = _client("secretsmanager").get_secret_value(SecretId=settings().portal_key)
    return str(found["SecretString"]).encode()


def _nonce() -> str:
    return secrets.token_hex(16)


def visit(
    *,
    code: str,
    api: str,
    languages: str,
    query: dict[str, str],
    form: dict[str, list[str]],
    cookies: str,
    ip: str,
    user_agent: str,
) -> "Visit":
    """A browser's request to the API of this id."""
    from escalon.usecases.payments.payment_link import Visit

    url = settings().public_url.replace("{api}", api)
    return Visit(code, url, languages, query, form, cookies, ip, user_agent)


# ------------------------------------------------------------------------------------ operators


@cache
def answer_operators() -> "AnswerOperators":
    """Answer what operators ask over HTTP."""
    from escalon.usecases.operators.answer_payments import AnswerOperators
    from escalon.usecases.payments.manage_payments import ManagePayments
    from escalon.usecases.payments.suggest_matches import SuggestMatches

    manage = ManagePayments(_table(), _clock(), _name_of, _rulebook_in_force)
    return AnswerOperators(_table(), manage, SuggestMatches(_table(), _name_of))


@cache
def personal_data() -> "PersonalData":
    """What a person may ask about their data."""
    from escalon.adapters.history import History
    from escalon.usecases.personal_data import PersonalData

    history = History(_client("dynamodb"), settings().history_table)
    papers = Documents(_client("s3"), settings().papers)
    return PersonalData(_table(), history, _documents(), _rulebook_in_force, _clock(), papers)


@cache
def answer_personal_data() -> "AnswerPersonalData":
    """Answer what operators ask for a person over HTTP."""
    from escalon.usecases.operators.answer_personal_data import AnswerPersonalData

    return AnswerPersonalData(personal_data(), _documents())


@cache
def reconcile_payments() -> "ReconcilePayments":
    """Compare a provider's settlement file with the ledger."""
    from escalon.usecases.payments.reconcile_payments import ReconcilePayments

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


# ----------------------------------------------------------------- agreements, papers and holds


@cache
def keep_document(api: str = "") -> "KeepDocument":
    """Keep the PDFs of agreements and hand them out. `api` is the id of the API, for a function
    that its template cannot tell."""
    from escalon.usecases.agreements.keep_document import KeepDocument

    here = settings()
    papers = Documents(_client("s3"), here.papers)
    url = here.public_url.replace("{api}", api or here.api)
    return KeepDocument(_table(), papers, _rulebook_in_force, _clock(), url)


@cache
def send_document() -> "SendDocument":
    """Bring the document of an agreement to its debtor."""
    from escalon.adapters.email import Email
    from escalon.adapters.sms import Sms
    from escalon.usecases.agreements.send_document import SendDocument
    from escalon.usecases.contact.answers import Answers
    from escalon.usecases.payments.payment_link import Links

    here = settings()
    return SendDocument(
        _table(),
        keep_document(),
        _rulebook_in_force,
        _clock(),
        Links(_link_key, here.public_url.replace("{api}", here.api)),
        Answers(_table(), _documents(), _clock(), _report),
        Email(_session().client("sesv2", config=_ONCE), here.configuration_set),
        Sms(_session().client("sns", config=_ONCE)),
    )


@cache
def verify_document() -> "VerifyDocument":
    """Tell whoever holds a paper whether it was issued and still stands."""
    from escalon.usecases.agreements.verify_document import VerifyDocument

    return VerifyDocument(keep_document())


@cache
def answer_agreements(api: str) -> "AnswerAgreements":
    """Answer what operators and outside systems ask about agreements and holds."""
    from escalon.usecases.agreements.manage_agreements import ManageAgreements
    from escalon.usecases.agreements.updates import TakeUpdate
    from escalon.usecases.manage_holds import ManageHolds
    from escalon.usecases.operators.answer_agreements import AnswerAgreements

    manage = ManageAgreements(_table(), _rulebook_in_force, _clock())
    return AnswerAgreements(
        _table(),
        manage,
        ManageHolds(_table(), _clock(), _rulebook_in_force),
        keep_document(api),
        TakeUpdate(_table(), manage, _clock(), _name_of),
        _rulebook_in_force,
    )


# ---------------------------------------------------------------------------------------- rules


@cache
def answer_operations() -> "AnswerOperations":
    """Answer what operators ask of brakes, runs, tasks and the audit log."""
    from escalon.usecases.contact.manage_tasks import ManageTasks
    from escalon.usecases.operators.answer_operations import AnswerOperations
    from escalon.usecases.runs.manage_brakes import ManageBrakes
    from escalon.usecases.runs.undo_run import UndoRuns

    manage = ManageBrakes(_table(), _rulebooks(), _clock())
    undo = UndoRuns(_table(), _rulebooks(), _clock())
    tasks = ManageTasks(_table(), record_feedback(), _rulebook_deciding, _clock())
    return AnswerOperations(_table(), manage, undo, tasks, _clock())


@cache
def review_book() -> "ReviewBook":
    """Go over the whole book."""
    from escalon.usecases.operators.acts import Person
    from escalon.usecases.runs.manage_brakes import ManageBrakes, Stop
    from escalon.usecases.runs.review_book import ReviewBook

    manage = ManageBrakes(_table(), _rulebooks(), _clock())

    def end(experiment: str, why: str) -> None:
        key = f"ended-{experiment}-{_clock().now():%Y%m%d}"
        manage.stop(Stop(key, why, "experiment", experiment), Person("escalon"))

    return ReviewBook(_table(), _rulebook_in_force, _clock(), end, _report)


@cache
def publish_rules() -> "PublishRules":
    """Put rulebooks in force, and take them back."""
    from escalon.adapters.rulebook_source import Deployments
    from escalon.usecases.rules.publish import PublishRules

    here = settings()
    deployments = Deployments(
        # Starting a deployment takes as long as its validator, and is not to be done twice.
        _session().client("appconfig", config=_ONCE),
        _client("appconfigdata"),
        application=here.rulebook_application,
        environment=here.rulebook_environment,
        profile=here.rulebook_profile,
        strategy=here.rulebook_strategy,
    )
    queue = Queue(_client("sqs"), here.replan_queue)
    return PublishRules(_table(), _documents(), deployments, queue, _clock(), _report)


@cache
def validate_rulebook() -> "ValidateRulebook":
    """Tell AppConfig whether what it is about to deploy may go live."""
    from escalon.usecases.rules.validate import ValidateRulebook

    return ValidateRulebook(_documents())


@cache
def replan() -> "Replan":
    """See what a change of rules means for one shard."""
    from escalon.usecases.runs.replan import Replan

    return Replan(_table(), _rulebooks(), Queue(_client("sqs"), settings().replan_queue), _report)


def keep_last_good_rulebook() -> None:
    """Keep what is in force for processes that start while AppConfig is away."""
    _rulebooks().keep_last_good()
