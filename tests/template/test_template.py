"""Conventions of the cloud's resources, executable: whoever breaks one reads here which it was."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import PROJECT, Template, decided, listed, load, refusals


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(load())


# ------------------------------------------------------------------------------- parameters, rules


def test_every_parameter_output_and_function_says_what_it_is(template: Template) -> None:
    silent = [
        name
        for section in (template.parameters, template.body["Outputs"], template.functions)
        for name, part in section.items()
        if not part.get("Description")
    ]
    assert silent == []
    assert template.body["Description"]


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"Stage": "prod"}, False),
        ({"Stage": "prod", "Clock": "table"}, True),
        ({"Stage": "prod", "SweepState": "DISABLED"}, True),
        ({"Stage": "prod", "LocalStatements": "true"}, True),
        ({"Stage": "staging", "LocalStatements": "true"}, True),
        ({"Stage": "staging", "Clock": "table", "SweepState": "DISABLED"}, False),
        ({"Stage": "local", "LocalStatements": "true", "Clock": "table"}, False),
        ({}, False),
    ],
)
def test_a_deployment_that_makes_no_sense_is_refused(
    template: Template, parameters: dict[str, str], refused: bool
) -> None:
    assert bool(refusals(template.body, **parameters)) is refused


def test_a_stack_that_is_told_nothing_is_safe(template: Template) -> None:
    defaults = {name: part.get("Default") for name, part in template.parameters.items()}
    assert defaults["Stage"] == "staging"
    assert defaults["Clock"] == "system"
    assert defaults["SweepState"] == "ENABLED"
    assert defaults["LocalStatements"] == "false"
    assert defaults["Architecture"] == "arm64"


# ---------------------------------------------------------------------------------------- data


def test_data_outlives_the_stack(template: Template) -> None:
    keeping = {
        name: resource
        for name, resource in template.resources.items()
        if resource["Type"]
        in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret")
    }
    assert set(keeping) == {
        *("ReceivablesTable", "HistoryTable", "Documents", "AgreementPapers"),
        *("IdentityKey", "LinkKey", "PortalKey", "WebhookSecrets", "ProviderApiKeys"),
    }
    for name, resource in keeping.items():
        assert resource["DeletionPolicy"] == "Retain", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_what_operators_put_into_a_secret_is_never_taken_back(template: Template) -> None:
    """CloudFormation writes a secret when its SecretString changes, and at no other time."""
    for name in ("WebhookSecrets", "ProviderApiKeys"):
        secret = template.resources[name]["Properties"]
        assert secret["SecretString"] == "{}", name
        assert set(secret) == {"Description", "SecretString"}, name


def test_tables_can_be_brought_back_to_any_second_and_are_encrypted(template: Template) -> None:
    tables = template.of_type("AWS::DynamoDB::Table")
    assert len(tables) == 2
    for name, table in tables.items():
        recovery = table["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, name
        assert table["SSESpecification"] == {"SSEEnabled": True}, name
        assert table["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["Production", True, False]}, name


def test_the_bucket_is_private_encrypted_versioned_and_spoken_to_by_tls(
    template: Template,
) -> None:
    buckets = template.of_type("AWS::S3::Bucket")
    assert set(buckets) == {"Documents", "AgreementPapers"}
    for bucket in buckets.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policies = template.of_type("AWS::S3::BucketPolicy").values()
    assert {policy["Bucket"]["Ref"] for policy in policies} == set(buckets)
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Action"] == "s3:*"
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(statement["Resource"]) == 2


def test_agreements_are_locked_in_production_and_gone_when_they_may_be(
    template: Template,
) -> None:
    papers = template.of_type("AWS::S3::Bucket")["AgreementPapers"]
    nothing = {"Ref": "AWS::NoValue"}
    assert papers["ObjectLockEnabled"] == {"Fn::If": ["Production", True, nothing]}
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": {"Ref": "AgreementDays"}}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    assert papers["ObjectLockConfiguration"] == {"Fn::If": ["Production", lock, nothing]}
    (lifecycle,) = papers["LifecycleConfiguration"]["Rules"]
    assert lifecycle["ExpirationInDays"] == {"Ref": "AgreementDays"}
    for function in template.functions:
        for statement in template.statements(template.role_of(function)):
            for resource in listed(statement["Resource"]):
                if "AgreementPapers" in str(resource):
                    reads = {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
                    assert set(listed(statement["Action"])) <= reads, function


def test_nothing_in_the_bucket_is_kept_for_ever_by_an_old_version(template: Template) -> None:
    bucket = template.of_type("AWS::S3::Bucket")["Documents"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["messages"]["ExpirationInDays"] == {"Ref": "MessageDays"}
    assert rules["webhooks"]["ExpirationInDays"] == {"Ref": "WebhookDays"}
    assert rules["webhooks"]["Prefix"] == "webhooks/"
    for name in (
        *("inbox", "import-parts", "messages", "webhooks"),
        *("settlements", "reconciliation-parts"),
    ):
        assert rules[name]["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30, name
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"]


def test_an_export_is_noticed_however_its_name_is_written(template: Template) -> None:
    bucket = template.of_type("AWS::S3::Bucket")["Documents"]
    noticed = []
    for entry in bucket["NotificationConfiguration"]["LambdaConfigurations"]:
        rules = {rule["Name"]: rule["Value"] for rule in entry["Filter"]["S3Key"]["Rules"]}
        assert rules["prefix"] == "inbox/"
        noticed.append(rules["suffix"])
    assert sorted(noticed) == [".CSV", ".XLSX", ".csv", ".xlsx"]
    # Its own report ends in .json, so writing it starts nothing.
    assert not any(suffix.lower() == ".json" for suffix in noticed)


def test_s3_may_call_the_import_before_the_bucket_says_so(template: Template) -> None:
    """CloudFormation checks a bucket's notification when it makes the bucket: the permission has to
    be there by then, and can therefore not be made from the bucket."""
    assert template.resources["Documents"]["DependsOn"] == "ImportReceivablesPermission"
    permission = template.resources["ImportReceivablesPermission"]["Properties"]
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    bucket = template.of_type("AWS::S3::Bucket")["Documents"]
    assert permission["SourceArn"] == {
        "Fn::Sub": "arn:${AWS::Partition}:s3:::" + bucket["BucketName"]["Fn::Sub"]
    }


def test_no_two_resources_wait_for_each_other(template: Template) -> None:
    waits = {name: set(_references(template, name)) for name in template.resources}
    done: set[str] = set()
    while ready := {name for name, needs in waits.items() if name not in done and needs <= done}:
        done |= ready
    assert set(template.resources) - done == set()


def _references(template: Template, name: str) -> Iterator[str]:
    resource = dict(template.resources[name])
    if resource["Type"] == "AWS::Serverless::Function":
        # What SAM merges into every function, the function's own values winning.
        shared = template.body["Globals"]["Function"]
        own = resource["Properties"]
        variables = shared["Environment"]["Variables"] | own.get("Environment", {}).get(
            "Variables", {}
        )
        resource["Properties"] = {**shared, **own, "Environment": variables}
    for reference in _named(resource):
        if reference in template.resources:
            yield reference


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref":
                yield part
            elif key == "Fn::GetAtt":
                yield part[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{([A-Za-z0-9]+)[.}]", part)
            elif key == "DependsOn":
                yield from listed(part)
            else:
                yield from _named(part)
    elif isinstance(value, list):
        for part in value:
            yield from _named(part)


# --------------------------------------------------------------------------------------- queues


def test_queues_are_encrypted_and_what_fails_in_them_is_kept(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True, name
        # What carriers tell names an address: it waits, and never goes to the dead letters.
        if name not in ("DeadLetters", "FeedbackQueue", "ReplyQueue"):
            redrive = queue["RedrivePolicy"]
            assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}, name
            assert 3 <= redrive["maxReceiveCount"] <= 10, name
    assert queues["DeadLetters"]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(
    template: Template,
) -> None:
    """AWS's own advice: a throttled batch is tried again before somebody else gets it."""
    queues = template.of_type("AWS::SQS::Queue")
    read = {}
    for function in template.functions:
        for kind, source in template.sources(function):
            if kind == "SQS":
                queue = source["Queue"]["Fn::GetAtt"][0]
                read[queue] = function
                assert queues[queue]["VisibilityTimeout"] >= 6 * template.timeout(function), queue
    assert set(read) == set(queues) - {"DeadLetters"}


def test_one_bad_record_does_not_bring_back_its_batch(template: Template) -> None:
    for function in template.functions:
        for kind, source in template.sources(function):
            if kind == "SQS":
                assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"], function
            if kind == "DynamoDB":
                assert source["BisectBatchOnFunctionError"] is True, function


# ------------------------------------------------------------------------------------- functions


def test_every_function_has_a_log_group_of_its_own_that_forgets(template: Template) -> None:
    groups = template.of_type("AWS::Logs::LogGroup")
    used = {}
    for name, function in template.functions.items():
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        used[group] = name
    assert set(used) == set(groups) - {"ApiLogs"}
    assert len(used) == len(template.functions)
    assert {str(group["RetentionInDays"]) for group in groups.values()} == {"{'Ref': 'LogDays'}"}
    assert template.body["Globals"]["Function"]["LoggingConfig"]["LogFormat"] == "JSON"


def test_every_asynchronous_path_ends_in_the_dead_letters(template: Template) -> None:
    dead = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    notified = {
        entry["Function"]["Fn::GetAtt"][0]
        for bucket in template.of_type("AWS::S3::Bucket").values()
        for entry in bucket.get("NotificationConfiguration", {}).get("LambdaConfigurations", ())
    }
    asynchronous = set(notified)
    for function in template.functions:
        for kind, source in template.sources(function):
            if kind == "ScheduleV2":
                assert source["DeadLetterConfig"] == {"Arn": dead}, function
                asynchronous.add(function)  # Scheduler does not wait for the answer
            if kind == "DynamoDB":
                assert source["DestinationConfig"]["OnFailure"] == {
                    "Type": "SQS",
                    "Destination": dead,
                }, function
    assert asynchronous == {
        *("Sweep", "ImportReceivables", "ReconcilePayments", "PersonalData", "ReviewBook")
    }
    for function in asynchronous:
        config = template.functions[function]["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": dead}
        assert config["MaximumRetryAttempts"] == 2


def test_time_zones_come_from_the_pinned_package(template: Template) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["PYTHONTZPATH"] == ""
    pinned = (PROJECT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^tzdata==", pinned, re.MULTILINE)
    code = (
        "import sys, zoneinfo; assert zoneinfo.TZPATH == (), zoneinfo.TZPATH; "
        "zoneinfo.ZoneInfo('America/Bogota'); assert 'tzdata' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONTZPATH": ""})


def test_functions_that_hand_over_to_themselves_are_allowed_to_and_are_bounded(
    template: Template,
) -> None:
    """Lambda ends a chain of invocations after 16 rounds unless it is told not to; then it is the
    code's own bound, and its check of progress, that ends it."""
    allowed = {
        name for name, part in template.functions.items() if part.get("RecursiveLoop") == "Allow"
    }
    assert allowed == {"Escalate", "ImportReceivables", "Replan"}
    for module in ("runs.escalate", "import_receivables", "runs.replan"):
        use_case = importlib.import_module(f"escalon.usecases.{module}")
        assert 16 < use_case.MOST_HOPS <= 2000, module
        tree = ast.parse(Path(str(use_case.__file__)).read_text(encoding="utf-8"))
        (hand_over,) = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == "_hand_over"
        ]
        guard = next(node for node in hand_over.body if isinstance(node, ast.If))
        names = {node.id for node in ast.walk(guard.test) if isinstance(node, ast.Name)}
        assert names & {"MOST_HOPS"}, module
        assert names & {"made_progress", "came_further"}, module
        assert isinstance(guard.body[-1], ast.Return), module


def test_the_schedule_fires_every_quarter_of_an_hour_day_and_night(template: Template) -> None:
    (source,) = [s for kind, s in template.sources("Sweep") if kind == "ScheduleV2"]
    match = re.fullmatch(r"cron\((.+)\)", source["ScheduleExpression"])
    assert match is not None
    minutes, hours, days, months, weekdays, years = match.group(1).split()
    assert (hours, months, years) == ("*", "*", "*")
    assert sorted([days, weekdays]) == ["*", "?"]  # AWS wants a ? in exactly one of them
    start, step = minutes.split("/")
    assert list(range(int(start), 60, int(step))) == [0, 15, 30, 45]
    assert "ScheduleExpressionTimezone" not in source  # the same in every zone
    assert json.loads(source["Input"]) == {"scheduled_at": "<aws.scheduler.scheduled-time>"}
    assert source["State"] == {"Ref": "SweepState"}


def test_a_schedule_event_is_retried_no_longer_than_the_function_would_take_it(
    template: Template,
) -> None:
    too_late = importlib.import_module("escalon.usecases.runs.sweep").TOO_LATE.total_seconds()
    (source,) = [s for kind, s in template.sources("Sweep") if kind == "ScheduleV2"]
    assert source["RetryPolicy"]["MaximumEventAgeInSeconds"] == too_late
    invoked = template.functions["Sweep"]["EventInvokeConfig"]
    assert invoked["MaximumEventAgeInSeconds"] == too_late


def test_two_stacks_can_stand_side_by_side(template: Template) -> None:
    """Every name that we choose has the stack's name in it."""
    chosen = {
        "AWS::S3::Bucket": "BucketName",
        "AWS::Events::EventBus": "Name",
        "AWS::SES::ConfigurationSet": "Name",
        "AWS::AppConfig::Application": "Name",
        "AWS::AppConfig::DeploymentStrategy": "Name",
        "AWS::Serverless::Api": "Name",
    }
    names = [
        part[key]
        for kind, key in chosen.items()
        for part in template.of_type(kind).values()
        if key in part
    ]
    names += [
        source["Name"]
        for function in template.functions
        for kind, source in template.sources(function)
        if kind == "ScheduleV2"
    ]
    assert len(names) == 10
    assert [name for name in names if "${AWS::StackName}" not in name["Fn::Sub"]] == []
    free = ("FunctionName", "QueueName", "TableName", "TopicName", "RoleName", "LogGroupName")
    assert [
        name
        for name, resource in template.resources.items()
        if resource["Type"] != "AWS::Lambda::Permission"
        and any(key in resource.get("Properties", {}) for key in free)
    ] == []


def test_functions_run_on_the_runtime_and_processor_that_we_build_for(template: Template) -> None:
    shared = template.body["Globals"]["Function"]
    assert shared["Runtime"] == "python3.13"
    assert shared["Architectures"] == [{"Ref": "Architecture"}]
    for function in template.functions.values():
        assert (PROJECT / function["CodeUri"] / "app.py").is_file()


# ------------------------------------------------------------------------------------------ api


def _routes(template: Template) -> dict[str, dict[str, Any]]:
    return {
        f"{source['Method']} {source['Path']}": source
        for function in template.functions
        for kind, source in template.sources(function)
        if kind == "Api"
    }


def test_a_route_is_closed_unless_it_says_that_it_is_open(template: Template) -> None:
    (api,) = template.of_type("AWS::Serverless::Api").values()
    assert api["Auth"] == {"DefaultAuthorizer": "AWS_IAM", "InvokeRole": "NONE"}
    open_routes = {
        route
        for route, source in _routes(template).items()
        if source.get("Auth") == {"Authorizer": "NONE"}
    }
    assert open_routes == {
        *("POST /webhooks/{provider}", "GET /p/{code}", "POST /p/{code}/pay/{provider}"),
        *("GET /p/{code}/{page}", "POST /p/{code}/{page}"),
        "GET /verify/{code}",
    }
    assert {str(source["RestApiId"]) for source in _routes(template).values()} == {"{'Ref': 'Api'}"}


def test_bodies_come_as_the_bytes_that_were_signed(template: Template) -> None:
    """A body that is taken for text loses what is not UTF-8, and its signature with it. SAM would
    write the type as `*~1*`, which means the same and which not everything that serves it reads."""
    (api,) = template.of_type("AWS::Serverless::Api").values()
    assert api["BinaryMediaTypes"] == ["*/*"]


def test_a_flood_at_the_door_does_not_use_up_the_functions_of_the_account(
    template: Template,
) -> None:
    (api,) = template.of_type("AWS::Serverless::Api").values()
    (limits,) = api["MethodSettings"]
    assert (limits["ResourcePath"], limits["HttpMethod"]) == ("/*", "*")
    assert 0 < limits["ThrottlingRateLimit"] <= limits["ThrottlingBurstLimit"] <= 500
    assert api["OpenApiVersion"].startswith("3.")  # or SAM adds a stage without limits


def test_nobody_is_named_in_the_log_of_the_api(template: Template) -> None:
    (api,) = template.of_type("AWS::Serverless::Api").values()
    condition, setting, otherwise = api["AccessLogSetting"]["Fn::If"]
    assert (condition, otherwise) == ("InTheCloud", {"Ref": "AWS::NoValue"})
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["ApiLogs", "Arn"]}
    logged = set(re.findall(r"\$context\.([A-Za-z.]+)", setting["Format"]))
    assert logged == {
        *("requestId", "requestTime", "httpMethod", "resourcePath", "status", "responseLength"),
        *("responseLatency", "integration.latency", "error.responseType"),
    }
    assert json.loads(setting["Format"])
    assert api["MethodSettings"][0]["DataTraceEnabled"] is False
    assert api["MethodSettings"][0]["LoggingLevel"] == "OFF"


def test_api_gateway_may_write_its_log_before_it_is_told_to(template: Template) -> None:
    assert template.resources["Api"]["DependsOn"] == "ApiLogging"
    for name in ("ApiLogging", "ApiLoggingRole"):
        # One for the whole account: another stack may write with it when this one is gone.
        assert template.resources[name]["DeletionPolicy"] == "Retain"
        assert template.resources[name]["Condition"] == "InTheCloud"


def test_whoever_waits_for_an_answer_gets_one_in_time(template: Template) -> None:
    """Mercado Pago gives a webhook 22 s; API Gateway itself 29."""
    for function in template.functions:
        behind_the_api = any(kind == "Api" for kind, _ in template.sources(function))
        variables = template.functions[function]["Environment"]["Variables"]
        assert (variables.get("ESCALON_SOMEBODY_WAITS") == "true") is behind_the_api, function
        if behind_the_api:
            # An operator waits for the whole book to be looked through, a provider for nothing.
            most = (
                28 if function in ("Payments", "PublishRules", "PersonalData", "Operations") else 15
            )
            assert template.timeout(function) <= most, function


# ---------------------------------------------------------------------------------- permissions

# The whole of what each function may do in AWS. A permission that is added has to be added here,
# with whoever reviews it looking at it.
ALWAYS = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
FROM_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
SETTLES = {"dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"}
BOOKS = {*SETTLES, "dynamodb:BatchGetItem", "dynamodb:Query"}
IN_FORCE = {"appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"}

GOLDEN = {
    "Sweep": {
        "*": {"ses:GetAccount"},
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "EscalateQueue": {"sqs:SendMessage"},
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "rulebooks/in-force.json": {"s3:PutObject"},
        "SweepLogs": LOGS,
    },
    "Escalate": {
        "EscalateQueue": FROM_QUEUE | {"sqs:SendMessage"},
        "ReceivablesTable": {
            *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"),
            *("dynamodb:UpdateItem", "dynamodb:PartiQLUpdate"),
        },
        "EmailQueue": {"sqs:SendMessage"},
        "SmsQueue": {"sqs:SendMessage"},
        "WhatsAppQueue": {"sqs:SendMessage"},
        "TaskQueue": {"sqs:SendMessage"},
        "rulebooks/*": {"s3:GetObject"},
        "EscalateLogs": LOGS,
    },
    "DeliverEmail": {
        "LinkKey": {"secretsmanager:GetSecretValue"},
        "EmailQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES | {"dynamodb:BatchGetItem", "dynamodb:Query"},
        "rulebooks/*": {"s3:GetObject"},
        "messages/*": {"s3:PutObject"},
        "identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        "EmailConfiguration": {"ses:SendEmail", "ses:SendRawEmail"},
        "DeliverEmailLogs": LOGS,
    },
    "DeliverSms": {
        "LinkKey": {"secretsmanager:GetSecretValue"},
        "SmsQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES | {"dynamodb:BatchGetItem", "dynamodb:Query"},
        "rulebooks/*": {"s3:GetObject"},
        "messages/*": {"s3:PutObject"},
        "*": {"sns:Publish"},
        "DeliverSmsLogs": LOGS,
    },
    "DeliverWhatsApp": {
        "LinkKey": {"secretsmanager:GetSecretValue"},
        "WhatsAppQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES | {"dynamodb:Query"},
        "rulebooks/*": {"s3:GetObject"},
        "messages/*": {"s3:PutObject"},
        "WhatsAppNumberId": {"social-messaging:SendWhatsAppMessage"},
        "DeliverWhatsAppLogs": LOGS,
    },
    "OpenTask": {
        "TaskQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES,
        "rulebooks/*": {"s3:GetObject"},
        "OpenTaskLogs": LOGS,
    },
    "ImportReceivables": {
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": BOOKS,
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "inbox/*": {"s3:GetObject", "s3:PutObject"},
        "imports/*": {"s3:GetObject", "s3:PutObject"},
        "mappings/*": {"s3:GetObject"},
        "the bucket": {"s3:ListBucket"},
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "ImportReceivables": {"lambda:InvokeFunction"},
        "ImportReceivablesLogs": LOGS,
    },
    "RecordHistory": {
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": {
            *("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"),
            "dynamodb:ListStreams",
        },
        "HistoryTable": {"dynamodb:BatchWriteItem"},
        "Facts": {"events:PutEvents"},
        "RecordHistoryLogs": LOGS,
    },
    "DeliveryFeedback": {
        "FeedbackQueue": FROM_QUEUE | {"sqs:ChangeMessageVisibility", "sqs:SendMessage"},
        "ReceivablesTable": {*SETTLES, "dynamodb:BatchGetItem"},
        "rulebooks/*": {"s3:GetObject"},
        "feedback/*": {"s3:PutObject"},
        "DeliveryFeedbackLogs": LOGS,
    },
    "ReceiveReply": {
        "ReplyQueue": FROM_QUEUE | {"sqs:ChangeMessageVisibility"},
        "FeedbackQueue": {"sqs:SendMessage"},
        "RulebookProfile": IN_FORCE,
        "ReceivablesTable": BOOKS,
        "LinkKey": {"secretsmanager:GetSecretValue"},
        "rulebooks/*": {"s3:GetObject"},
        "feedback/*": {"s3:PutObject"},
        "ReceiveReplyLogs": LOGS,
    },
    # It faces the world: it reads no receipt, and no key with which a provider is asked.
    "PaymentWebhook": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "webhooks/*": {"s3:PutObject"},
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "WebhookSecrets": {"secretsmanager:GetSecretValue"},
        "ConfirmQueue": {"sqs:SendMessage"},
        "PaymentWebhookLogs": LOGS,
    },
    "ConfirmPayment": {
        "ConfirmQueue": FROM_QUEUE | {"sqs:ChangeMessageVisibility"},
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "webhooks/*": {"s3:GetObject"},
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "WebhookSecrets": {"secretsmanager:GetSecretValue"},
        "ProviderApiKeys": {"secretsmanager:GetSecretValue"},
        "ConfirmPaymentLogs": LOGS,
    },
    "SendReceipt": {
        "ReceiptQueue": FROM_QUEUE,
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": {*SETTLES, "dynamodb:BatchGetItem"},
        "messages/*": {"s3:PutObject"},
        "identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        "EmailConfiguration": {"ses:SendEmail", "ses:SendRawEmail"},
        "SendReceiptLogs": LOGS,
    },
    # It faces the world: it makes no link, reads no message that was kept, and books no money but
    # what an agreement of the debtor's own asks for.
    "Portal": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "ProviderApiKeys": {"secretsmanager:GetSecretValue"},
        "PortalKey": {"secretsmanager:GetSecretValue"},
        "agreements/*": {"s3:GetObject", "s3:PutObject"},
        "quarantine/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        "EmailConfiguration": {"ses:SendEmail", "ses:SendRawEmail"},
        "*": {"sns:Publish"},
        "PortalLogs": LOGS,
    },
    "KeepDocument": {
        "DocumentQueue": FROM_QUEUE,
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": {*SETTLES, "dynamodb:BatchGetItem"},
        "agreements/*": {"s3:GetObject", "s3:PutObject"},
        "messages/*": {"s3:PutObject"},
        "LinkKey": {"secretsmanager:GetSecretValue"},
        "identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        "EmailConfiguration": {"ses:SendEmail", "ses:SendRawEmail"},
        "*": {"sns:Publish"},
        "KeepDocumentLogs": LOGS,
    },
    # It faces the world: it reads, and nothing else.
    "VerifyDocument": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": {"dynamodb:GetItem"},
        "VerifyDocumentLogs": LOGS,
    },
    "Agreements": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "agreements/*": {"s3:GetObject", "s3:PutObject"},
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "AgreementsLogs": LOGS,
    },
    "Payments": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "PaymentsLogs": LOGS,
    },
    # The only one that may start a deployment of AppConfig, or write a rulebook.
    "Operations": {
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "OperationsLogs": LOGS,
    },
    "PublishRules": {
        "RulebookApplication": {
            *("appconfig:CreateHostedConfigurationVersion", "appconfig:StartDeployment"),
            *("appconfig:GetDeployment", "appconfig:StopDeployment"),
        },
        "RulebookProfile": {
            *IN_FORCE,
            *("appconfig:CreateHostedConfigurationVersion", "appconfig:StartDeployment"),
        },
        "RulebookEnvironment": {
            *("appconfig:StartDeployment", "appconfig:GetDeployment", "appconfig:StopDeployment"),
        },
        "RulebookStrategy": {"appconfig:StartDeployment"},
        "rulebooks/*": {"s3:GetObject", "s3:PutObject"},
        "drafts/*": {"s3:GetObject"},
        "plans/*": {"s3:GetObject"},
        "the bucket": {"s3:ListBucket"},
        "ReceivablesTable": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"},
        "ReplanQueue": {"sqs:SendMessage"},
        "PublishRulesLogs": LOGS,
    },
    "ValidateRulebook": {
        "rulebooks/*": {"s3:GetObject"},
        "the bucket": {"s3:ListBucket"},
        "ValidateRulebookLogs": LOGS,
    },
    "Replan": {
        "ReplanQueue": FROM_QUEUE | {"sqs:SendMessage"},
        "ReceivablesTable": {
            *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"),
            "dynamodb:PartiQLUpdate",
        },
        "rulebooks/*": {"s3:GetObject"},
        "ReplanLogs": LOGS,
    },
    "ReviewBook": {
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": {
            *("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem")
        },
        "rulebooks/*": {"s3:GetObject"},
        "RulebookProfile": IN_FORCE,
        "ReviewBookLogs": LOGS,
    },
    "PersonalData": {
        "DeadLetters": {"sqs:SendMessage"},
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": {*SETTLES, "dynamodb:Query", "dynamodb:BatchWriteItem"},
        "HistoryTable": {"dynamodb:Query"},
        "messages/*": {"s3:GetObject", "s3:DeleteObject"},
        "agreements/*": {"s3:GetObject"},
        "quarantine/*": {"s3:GetObject", "s3:DeleteObject"},
        "exports/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "the bucket": {"s3:ListBucket"},
        "PersonalDataLogs": LOGS,
    },
    "ReconcilePayments": {
        "DeadLetters": {"sqs:SendMessage"},
        "RulebookProfile": IN_FORCE,
        "rulebooks/*": {"s3:GetObject"},
        "ReceivablesTable": BOOKS,
        "settlements/*": {"s3:GetObject"},
        "mappings/settlements/*": {"s3:GetObject"},
        "reconciliations/*": {"s3:GetObject", "s3:PutObject"},
        "reports/reconciliation/*": {"s3:GetObject", "s3:PutObject"},
        "the bucket": {"s3:ListBucket"},
        "IdentityKey": {"secretsmanager:GetSecretValue"},
        "ReconcilePaymentsLogs": LOGS,
    },
}


def test_each_function_may_do_what_the_golden_table_says_and_no_more(template: Template) -> None:
    assert set(GOLDEN) == set(template.functions)
    for function, golden in GOLDEN.items():
        found: dict[str, set[str]] = {}
        for statement in template.statements(template.role_of(function)):
            if statement["Effect"] != "Allow":
                continue
            for resource in listed(statement["Resource"]):
                found.setdefault(_called(resource), set()).update(listed(statement["Action"]))
        found["*"] = found.get("*", set()) - ALWAYS
        expected = {"*": set[str](), **golden}
        assert found == expected, function


def _called(resource: Any) -> str:
    """A resource of a policy, by its logical name or by the prefix of its objects."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    text = str(resource["Fn::Sub"])
    if ":s3:::" in text:
        return text.partition("/")[2] or "the bucket"
    if text.endswith("identity/*"):
        return "identity/*"
    return re.findall(r"\$\{([A-Z][A-Za-z]+)[.}]", text)[-1]


def test_each_function_has_a_role_of_its_own_that_nobody_else_can_take(
    template: Template,
) -> None:
    roles = [template.role_of(function) for function in template.functions]
    assert len(set(roles)) == len(roles)
    of_services = {"ApiLoggingRole", "RulebookAlarmsRole", "SmsStatusRole"}
    assert set(roles) == set(template.of_type("AWS::IAM::Role")) - of_services
    for name in roles:
        role = template.of_type("AWS::IAM::Role")[name]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}, name
        assert "ManagedPolicyArns" not in role, name  # they reach the whole account


def test_nothing_is_allowed_on_everything_but_what_has_no_resource(template: Template) -> None:
    """X-Ray's write actions and an SMS to a phone have none; topics are denied by name."""
    everywhere: dict[str, set[str]] = {}
    for function in template.functions:
        for statement in template.statements(template.role_of(function)):
            for action in listed(statement["Action"]):
                assert "*" not in action, function
            if "*" in listed(statement["Resource"]):
                everywhere.setdefault(function, set()).update(listed(statement["Action"]))
    assert {f: a - ALWAYS for f, a in everywhere.items() if a - ALWAYS} == {
        "Sweep": {"ses:GetAccount"},
        "DeliverSms": {"sns:Publish"},
        "KeepDocument": {"sns:Publish"},
        "Portal": {"sns:Publish"},
    }
    for role in ("DeliverSmsRole", "KeepDocumentRole", "PortalRole"):
        denied = [s for s in template.statements(role) if s["Effect"] == "Deny"]
        assert [(s["Action"], s["Resource"]) for s in denied] == [
            ("sns:Publish", {"Fn::Sub": "arn:${AWS::Partition}:sns:*:*:*"})
        ]


def test_permissions_of_the_embedded_aws_are_not_given_in_the_cloud(template: Template) -> None:
    local_only = {"dynamodb:BatchExecuteStatement", "sqs:SendMessageBatch"}
    for function in template.functions:
        role = template.role_of(function)
        in_the_cloud = {a for s in template.statements(role) for a in listed(s["Action"])}
        assert not in_the_cloud & local_only, function
    embedded = {
        action
        for function in template.functions
        for statement in template.statements(template.role_of(function), local=True)
        for action in listed(statement["Action"])
    }
    assert local_only <= embedded


def test_delivery_sweep_and_payments_reach_their_own_items_of_the_table_only(
    template: Template,
) -> None:
    keys: dict[str, list[str]] = {}
    for function in template.functions:
        for statement in template.statements(template.role_of(function)):
            if "Condition" in statement:
                ((_, condition),) = statement["Condition"].items()
                keys.setdefault(function, []).extend(condition["dynamodb:LeadingKeys"])
    assert keys == {
        "Sweep": ["RUN#*", "FEED#*", "QUOTA#*", "CLOCK"],
        "DeliverEmail": ["A#*", "LINK#*", "FEED#*", "SENT#*", "BRAKES", "CLOCK"],
        "DeliverSms": [
            *("A#*", "LINK#*", "NUMBER#*", "SMS#*", "FEED#*", "SENT#*", "BRAKES", "CLOCK")
        ],
        "DeliverWhatsApp": ["A#*", "LINK#*", "NUMBER#*", "FEED#*", "SENT#*", "BRAKES", "CLOCK"],
        "ReceiveReply": ["A#*", "NUMBER#*", "FEED#*", "CLOCK"],
        "OpenTask": ["A#*", "FEED#*", "BRAKES", "CLOCK"],
        "DeliveryFeedback": ["A#*", "SMS#*", "FEED#*", "CLOCK"],
        "PaymentWebhook": ["A#*", "CAUSE#*", "REF#*", "UNMATCHED#*", "CLOCK"],
        "ConfirmPayment": ["A#*", "CAUSE#*", "REF#*", "UNMATCHED#*", "CLOCK"],
        "SendReceipt": ["A#*", "CLOCK"],
        "KeepDocument": ["A#*", "VERIFY#*", "LINK#*", "SMS#*", "CLOCK"],
        "VerifyDocument": ["A#*", "VERIFY#*", "CLOCK"],
        "Agreements": ["A#*", "CAUSE#*", "ACTS#*", "UPDATE#*", "VERIFY#*", "CLOCK"],
        "Portal": [
            *("A#*", "LINK#*", "CAUSE#*", "CLOCK"),
            *("A#*", "LINK#*", "CAUSE#*", "REF#*", "SMS#*", "VERIFY#*", "ACTS#*"),
        ],
        "Payments": ["A#*", "CAUSE#*", "REF#*", "UNMATCHED#*", "CLOCK", "ACTS#*"],
        "Operations": [
            *("A#*", "RUN#*", "CAUSE#operator:*", "CAUSE#task:*", "ACTS#*", "FEED#*", "BRAKES"),
            "CLOCK",
        ],
        "PersonalData": ["A#*", "CAUSE#person:*", "ACTS#*", "CLOCK"],
        "ReviewBook": ["A#*", "CAUSE#*", "ACTS#*", "BRAKES", "CLOCK"],
        "PublishRules": ["RULES", "CAUSE#*", "ACTS#*", "RUN#*", "CLOCK"],
        "ReconcilePayments": ["A#*", "CAUSE#*", "REF#*", "UNMATCHED#*", "CLOCK", "FEED#*"],
    }


def test_email_configuration_insists_on_tls(template: Template) -> None:
    (configuration,) = template.of_type("AWS::SES::ConfigurationSet").values()
    assert configuration["DeliveryOptions"] == {"TlsPolicy": "REQUIRE"}
    assert configuration["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}


# --------------------------------------------------------------------------------------- alarms


def test_what_goes_wrong_is_told(template: Template) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    assert set(alarms) == {
        "DeadLettersAlarm",
        "NoSweepAlarm",
        "ExperimentEndedAlarm",
        "EscalateLagAlarm",
        "DeliveryLagAlarm",
        "HistoryLagAlarm",
        "AccountsFailedAlarm",
        "ApiErrorsAlarm",
        "ConfirmLagAlarm",
        "NotAuthenticAlarm",
        "NoSuchPaymentAlarm",
        "FeedbackLagAlarm",
        "FeedbackNotUnderstoodAlarm",
        "ReplyLagAlarm",
        "ReplyNotTakenAlarm",
        "FunctionErrorsAlarm",
        "FunctionThrottlesAlarm",
        "MoreFunctionErrorsAlarm",
        "MoreFunctionThrottlesAlarm",
        "FurtherFunctionErrorsAlarm",
        "FurtherFunctionThrottlesAlarm",
        "SendingCappedAlarm",
        "CheckoutFailedAlarm",
        "PageFailedAlarm",
        "StaleFeedsAlarm",
        "RatesMissingAlarm",
        "DocumentNotAsShownAlarm",
        "HolidaysEndingAlarm",
        "SilencedAlarm",
        "ReconciliationAlarm",
        "SettlementsNotReadAlarm",
        "ShardsFailedAlarm",
        "ManyAccountsFailedAlarm",
    }
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert alarm["AlarmDescription"], name
        silence_is_bad = name == "NoSweepAlarm"
        expected = "breaching" if silence_is_bad else "notBreaching"
        assert alarm["TreatMissingData"] == expected, name


def test_the_alarms_topic_can_be_published_to(template: Template) -> None:
    """CloudWatch may not use the key alias/aws/sns: with it every alarm is lost without a word."""
    topic = template.resources["Alarms"]
    assert "KmsMasterKeyId" not in topic.get("Properties", {})
    subscription = template.resources["AlarmSubscription"]["Properties"]
    assert subscription["Endpoint"] == {"Ref": "AlarmEmail"}


# ------------------------------------------------------------------------------------- feedback


def test_ses_tells_all_that_becomes_of_a_message_and_follows_nobody(template: Template) -> None:
    """With opens or clicks among its events SES puts its own links and pictures into a message."""
    (events,) = template.of_type("AWS::SES::ConfigurationSetEventDestination").values()
    assert events["ConfigurationSetName"] == {"Ref": "EmailConfiguration"}
    destination = events["EventDestination"]
    assert destination["Enabled"] is True
    assert sorted(destination["MatchingEventTypes"]) == [
        *("bounce", "complaint", "delivery", "deliveryDelay", "reject", "renderingFailure", "send")
    ]
    assert destination["SnsDestination"] == {"TopicARN": {"Ref": "FeedbackTopic"}}
    # SES tries whether it may, when the destination is made.
    assert template.resources["EmailEvents"]["DependsOn"] == "FeedbackTopicPolicy"


def test_only_carriers_reach_the_topic_and_only_the_topic_its_queue(template: Template) -> None:
    """There is no signature in it: these policies are what makes an event genuine."""
    topic = template.resources["FeedbackTopicPolicy"]["Properties"]
    assert topic["Topics"] == [{"Ref": "FeedbackTopic"}]
    told = {
        statement["Principal"]["Service"]: statement["Condition"]
        for statement in topic["PolicyDocument"]["Statement"]
    }
    account = {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}
    configuration_set = "${AWS::AccountId}:configuration-set/${EmailConfiguration}"
    source = "arn:${AWS::Partition}:ses:${AWS::Region}:" + configuration_set
    # The stack's own set, and those of its creditors: no stack's name has an underscore.
    sets = [{"Fn::Sub": source}, {"Fn::Sub": f"{source}_*"}]
    assert told == {
        "ses.amazonaws.com": {"StringEquals": account, "ArnLike": {"AWS:SourceArn": sets}},
        "sms-voice.amazonaws.com": {"StringEquals": account},
    }
    queue = template.resources["FeedbackQueuePolicy"]["Properties"]
    assert queue["Queues"] == [{"Ref": "FeedbackQueue"}]
    (statement,) = queue["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "FeedbackTopic"}}}
    subscription = template.resources["FeedbackSubscription"]["Properties"]
    assert subscription["Protocol"] == "sqs"  # no HTTPS subscription: there is nothing to forge
    assert "RawMessageDelivery" not in subscription  # the function looks at the topic


def test_what_debtors_write_comes_over_a_topic_of_its_own(template: Template) -> None:
    topic = template.resources["ReplyTopicPolicy"]["Properties"]
    (statement,) = topic["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {
        "Service": ["sms-voice.amazonaws.com", "social-messaging.amazonaws.com"]
    }
    assert statement["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": {"Ref": "AWS::AccountId"}}
    }
    (statement,) = template.resources["ReplyQueuePolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "ReplyTopic"}}}
    subscription = template.resources["ReplySubscription"]["Properties"]
    assert (subscription["Protocol"], subscription["TopicArn"]) == ("sqs", {"Ref": "ReplyTopic"})


def test_whatsapp_may_be_sent_from_the_one_number_that_is_given(template: Template) -> None:
    statements = template.resources["DeliverWhatsAppRole"]["Properties"]["Policies"][0][
        "PolicyDocument"
    ]["Statement"]
    condition, allowed, otherwise = statements[-1]["Fn::If"]
    assert (condition, otherwise) == ("HasWhatsApp", {"Ref": "AWS::NoValue"})
    assert allowed["Action"] == "social-messaging:SendWhatsAppMessage"
    assert allowed["Resource"]["Fn::Sub"].endswith(":phone-number-id/${WhatsAppNumberId}")
    assert template.parameters["WhatsAppNumberId"]["Default"] == ""


def test_operators_hear_of_each_kind_of_event_on_a_topic_of_its_own(template: Template) -> None:
    told = {}
    for name in ("MessagesFailed", "RepliesReceived", "Complaints", "Exceptions"):
        rule = template.resources[f"{name}Rule"]["Properties"]
        told[name] = rule["EventPattern"]["detail-type"]
        assert rule["EventBusName"] == {"Ref": "Facts"}
        (target,) = rule["Targets"]
        assert target["Arn"] == {"Ref": name}
        # Ids and codes: whoever reads along learns of no debtor.
        assert set(target["InputTransformer"]["InputPathsMap"]) == {
            *("what", "account", "message", "channel", "step", "task"),
        }
        policy = template.resources[f"{name}Policy"]["Properties"]["PolicyDocument"]
        (statement,) = policy["Statement"]
        arn = {"Fn::GetAtt": [f"{name}Rule", "Arn"]}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}
    assert told == {
        "MessagesFailed": ["failed", "rejected", "bounced"],
        "RepliesReceived": ["replied"],
        "Complaints": ["complained"],
        "Exceptions": ["opened"],
    }


@pytest.mark.parametrize("name", ["FeedbackQueue", "ReplyQueue"])
def test_what_carriers_tell_waits_for_two_weeks_and_never_in_the_dead_letters(
    template: Template, name: str
) -> None:
    queue = template.of_type("AWS::SQS::Queue")[name]
    assert "RedrivePolicy" not in queue
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    bucket = template.of_type("AWS::S3::Bucket")["Documents"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert (rules["feedback"]["Prefix"], rules["feedback"]["ExpirationInDays"]) == ("feedback/", 90)


def test_the_status_of_sms_comes_from_the_log_of_sns_and_from_no_other(template: Template) -> None:
    permission = template.resources["SmsStatusPermission"]["Properties"]
    assert permission["Principal"] == "logs.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    group = ":log-group:sns/${AWS::Region}/${AWS::AccountId}/DirectPublishToPhoneNumber*"
    place = {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}" + group}
    assert permission["SourceArn"] == place
    role = template.resources["SmsStatusRole"]
    assert role["DeletionPolicy"] == "Retain"  # another stack of the account may log with it
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "sns.amazonaws.com"}
    (policy,) = role["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == place


# ------------------------------------------------------------------------------------- operators


def test_what_operators_may_ask_is_signed_with_iam_and_named_route_by_route(
    template: Template,
) -> None:
    """So that a policy may let somebody match money who may waive nothing."""
    own = {
        f"{source['Method']} {source['Path']}": source.get("Auth")
        for kind, source in template.sources("Payments")
        if kind == "Api"
    }
    assert own == dict.fromkeys(
        [
            "GET /payments/unmatched",
            "POST /payments/unmatched/{id}/match",
            "POST /payments/unmatched/{id}/return",
            "POST /accounts/{id}/payments",
            "POST /accounts/{id}/voids",
            "POST /accounts/{id}/waivers",
            "POST /accounts/{id}/write-offs",
            "POST /accounts/{id}/credit",
            "POST /accounts/{id}/reversals",
        ]
    )
    source = (PROJECT / "layers/escalon/escalon/usecases/operators/answer_payments.py").read_text(
        "utf-8"
    )
    assert [route for route in own if f'"{route}"' not in source] == []


def test_settlement_files_are_reconciled_every_day_and_kept_apart_from_imports(
    template: Template,
) -> None:
    ((kind, source),) = template.sources("ReconcilePayments")
    assert (kind, source["ScheduleExpression"]) == ("ScheduleV2", "cron(30 10 * * ? *)")
    assert source["State"] == {"Ref": "SweepState"}
    reads = [
        resource
        for statement in template.statements(template.role_of("ImportReceivables"))
        for resource in listed(statement["Resource"])
    ]
    assert not any("settlements" in str(resource) for resource in reads)


# ------------------------------------------------------------------------------ publishing rules


def test_who_may_publish_is_said_route_by_route(template: Template) -> None:
    own = {
        f"{source['Method']} {source['Path']}": source.get("Auth")
        for kind, source in template.sources("PublishRules")
        if kind == "Api"
    }
    assert own == dict.fromkeys(
        [
            "GET /rules",
            "POST /rules/publications",
            "POST /rules/approvals",
            "POST /rules/promotions",
            "POST /rules/rollbacks",
        ]
    )
    source = (PROJECT / "layers/escalon/escalon/usecases/rules/publish.py").read_text("utf-8")
    assert [route for route in own if f'"{route}"' not in source] == []


def test_only_one_function_may_put_a_rulebook_in_force(template: Template) -> None:
    may = {
        function
        for function in template.functions
        for statement in template.statements(template.role_of(function), local=True)
        if "appconfig:StartDeployment" in listed(statement["Action"])
    }
    assert may == {"PublishRules"}


def test_appconfig_asks_our_validator_and_takes_back_what_raises_an_alarm(
    template: Template,
) -> None:
    (profile,) = template.of_type("AWS::AppConfig::ConfigurationProfile").values()
    schema, function = profile["Validators"]
    assert schema["Type"] == "JSON_SCHEMA"
    assert json.loads(schema["Content"])["required"] == ["live"]
    validator = {"Fn::GetAtt": ["ValidateRulebook", "Arn"]}
    assert function == {"Type": "LAMBDA", "Content": validator}
    assert template.timeout("ValidateRulebook") <= 15  # AppConfig waits no longer
    permission = template.resources["ValidateRulebookPermission"]["Properties"]
    assert permission["Principal"] == "appconfig.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    (environment,) = template.of_type("AWS::AppConfig::Environment").values()
    watched = [monitor["AlarmArn"]["Fn::GetAtt"][0] for monitor in environment["Monitors"]]
    assert watched == ["ShardsFailedAlarm", "ManyAccountsFailedAlarm"]
    (strategy,) = template.of_type("AWS::AppConfig::DeploymentStrategy").values()
    assert strategy["DeploymentDurationInMinutes"] == 0  # the share of a canary is ours
    assert strategy["FinalBakeTimeInMinutes"] == {"Fn::If": ["InTheCloud", 10, 0]}


def test_the_schema_knows_every_field_of_what_is_in_force(template: Template) -> None:
    rollout = importlib.import_module("escalon.domain.rules.rollout")
    (profile,) = template.of_type("AWS::AppConfig::ConfigurationProfile").values()
    schema = json.loads(profile["Validators"][0]["Content"])
    assert set(schema["properties"]) == set(rollout.Rollout.__struct_fields__)
    assert schema["additionalProperties"] is False
    share = schema["properties"]["share"]
    assert (share["minimum"], share["maximum"]) == (1, rollout.FULL - 1)
    assert schema["definitions"]["versions"]["maxItems"] == rollout.MOST_KEPT
    assert re.search(schema["definitions"]["version"]["pattern"], "0123456789abcdef")
    assert not re.search(schema["definitions"]["version"]["pattern"], "../0123456789abc")


# ------------------------------------------------------------------- receipts and payment links


def test_money_that_is_booked_reaches_the_receipts_and_nothing_else_does(
    template: Template,
) -> None:
    rule = template.resources["PaidRule"]["Properties"]
    assert rule["EventBusName"] == {"Ref": "Facts"}
    assert rule["EventPattern"] == {"source": ["escalon"], "detail-type": ["paid"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["ReceiptQueue", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    policy = template.resources["PaidRulePolicy"]["Properties"]
    queues = ("ReceiptQueue", "DocumentQueue", "DeadLetters")
    assert policy["Queues"] == [{"Ref": queue} for queue in queues]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name in ("PaidRule", "AgreedRule")]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rules}}


def test_an_agreement_that_is_in_force_reaches_whoever_keeps_its_document(
    template: Template,
) -> None:
    rule = template.resources["AgreedRule"]["Properties"]
    assert rule["EventBusName"] == {"Ref": "Facts"}
    assert rule["EventPattern"] == {"source": ["escalon"], "detail-type": ["agreement_active"]}
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["DocumentQueue", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}


def test_the_routes_of_agreements_are_those_that_are_described(template: Template) -> None:
    own = {
        f"{source['Method']} {source['Path']}"
        for kind, source in template.sources("Agreements")
        if kind == "Api"
    }
    described = json.loads((PROJECT / "docs/openapi/agreements.json").read_text("utf-8"))
    assert own - {"GET /agreements/openapi.json"} == {
        f"{method.upper()} {path}" for path, of in described["paths"].items() for method in of
    }


def test_the_portal_deletes_nothing_and_writes_no_books_of_others(template: Template) -> None:
    """It faces the world: no run, feed or unmatched money is in its reach, and nobody's document
    can be taken away."""
    statements = list(template.statements(template.role_of("Portal")))
    actions = {
        action
        for statement in statements
        for action in listed(statement["Action"])
        if action.startswith("dynamodb:")
    }
    assert actions == BOOKS
    deleting = [one for one in statements if "s3:DeleteObject" in listed(one["Action"])]
    assert [_called(where) for one in deleting for where in listed(one["Resource"])] == [
        "quarantine/*"
    ]


def test_links_and_references_end_by_themselves(template: Template) -> None:
    receivables = template.resources["ReceivablesTable"]["Properties"]
    expiry = {"AttributeName": "expires", "Enabled": True}
    assert receivables["TimeToLiveSpecification"] == expiry
    history = template.resources["HistoryTable"]["Properties"]
    assert "TimeToLiveSpecification" not in history  # what happened is kept


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("", True),
        ("https://pay.example.com", True),
        ("https://example.com/pay", True),
        ("http://127.0.0.1:4566/_aws/execute-api/{api}/v1", True),
        ("https://pay.example.com/", False),  # a link would have two slashes
        ("pay.example.com", False),
        ("https://pay.example.com/?x=1", False),
        ("https://pay example.com", False),
    ],
)
def test_the_public_address_is_one_that_links_can_begin_with(
    template: Template, url: str, fits: bool
) -> None:
    pattern = template.parameters["PublicUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) is fits


def test_whoever_makes_a_link_and_whoever_answers_it_have_one_address(template: Template) -> None:
    named = {
        function: part["Environment"]["Variables"]["ESCALON_PUBLIC_URL"]
        for function, part in template.functions.items()
        if "ESCALON_PUBLIC_URL" in part.get("Environment", {}).get("Variables", {})
    }
    assert set(named) == {
        *("DeliverEmail", "DeliverSms", "DeliverWhatsApp", "Portal"),
        *("KeepDocument", "Agreements"),
    }
    (api,) = template.of_type("AWS::Serverless::Api").values()
    given = "https://{api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/" + api["StageName"]
    for url in named.values():
        assert url == {"Fn::If": ["HasPublicUrl", {"Ref": "PublicUrl"}, {"Fn::Sub": given}]}


def test_errors_and_throttles_of_every_function_are_watched(template: Template) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    for names, metric in (
        (
            ("FunctionErrorsAlarm", "MoreFunctionErrorsAlarm", "FurtherFunctionErrorsAlarm"),
            "Errors",
        ),
        (
            (
                "FunctionThrottlesAlarm",
                "MoreFunctionThrottlesAlarm",
                "FurtherFunctionThrottlesAlarm",
            ),
            "Throttles",
        ),
    ):
        watched = []
        for name in names:
            queries = [query for query in alarms[name]["Metrics"] if "MetricStat" in query]
            assert len(queries) <= 10, "CloudWatch takes no more metrics in one alarm"
            for query in queries:
                found = query["MetricStat"]["Metric"]
                assert found["MetricName"] == metric
                watched.append(found["Dimensions"][0]["Value"]["Ref"])
        assert sorted(watched) == sorted(template.functions), names


def test_the_alarm_on_the_api_watches_the_stage_that_there_is(template: Template) -> None:
    (api,) = template.of_type("AWS::Serverless::Api").values()
    alarm = template.resources["ApiErrorsAlarm"]["Properties"]
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {
        "ApiName": api["Name"],
        "Stage": api["StageName"],
    }
    assert template.body["Outputs"]["ApiUrl"]["Value"]["Fn::Sub"].endswith(f"/{api['StageName']}")


def test_an_alarm_on_our_own_metric_names_one_that_the_function_counts(
    template: Template,
) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    ours = {
        name: alarm
        for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items()
        if alarm.get("Namespace") == variables["POWERTOOLS_METRICS_NAMESPACE"]
    }
    assert set(ours) == {
        *("NoSweepAlarm", "AccountsFailedAlarm", "NotAuthenticAlarm", "NoSuchPaymentAlarm"),
        *(
            "FeedbackNotUnderstoodAlarm",
            "ReplyNotTakenAlarm",
            "CheckoutFailedAlarm",
            "PageFailedAlarm",
        ),
        *("StaleFeedsAlarm", "RatesMissingAlarm", "ReconciliationAlarm", "SettlementsNotReadAlarm"),
        *("ShardsFailedAlarm", "ManyAccountsFailedAlarm"),
        *("HolidaysEndingAlarm", "SilencedAlarm", "DocumentNotAsShownAlarm"),
        "ExperimentEndedAlarm",
    }
    for name, alarm in ours.items():
        ((dimension, service),) = [(d["Name"], d["Value"]) for d in alarm["Dimensions"]]
        assert dimension == "service", name
        ((_, function),) = [
            (part["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"], part)
            for part in template.functions.values()
            if part["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == service
        ]
        source = (PROJECT / function["CodeUri"] / "app.py").read_text(encoding="utf-8")
        assert f'"{alarm["MetricName"]}"' in source, name


def test_each_function_logs_and_counts_under_its_own_name(template: Template) -> None:
    services = [
        part["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for part in template.functions.values()
    ]
    assert sorted(services) == sorted(
        [
            *("confirm_payment", "deliver_email", "deliver_sms", "deliver_whatsapp"),
            *("delivery_feedback", "escalate"),
            *("import_receivables", "open_task", "operations", "payment_webhook", "payments"),
            *("personal_data", "portal"),
            *("publish_rules", "receive_reply", "reconcile_payments", "record_history"),
            *("replan", "review_book", "send_receipt"),
            *("sweep", "validate_rulebook"),
            *("agreements", "keep_document", "verify_document"),
        ]
    )


def test_a_stack_that_is_not_swept_on_purpose_raises_no_alarm(template: Template) -> None:
    assert template.resources["NoSweepAlarm"]["Condition"] == "Swept"
    assert template.body["Conditions"]["Swept"] == {
        "Fn::Equals": [{"Ref": "SweepState"}, "ENABLED"]
    }


# ------------------------------------------------------------------------------------- samconfig


@pytest.fixture(scope="module")
def samconfig() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))


def test_samconfig_knows_local_staging_and_prod(samconfig: dict[str, Any]) -> None:
    assert {"local", "staging", "prod"} <= set(samconfig)
    for stage in ("staging", "prod"):
        deploy = samconfig[stage]["deploy"]["parameters"]
        assert deploy["confirm_changeset"] is True, stage
        assert deploy["parameter_overrides"] == [f"Stage={stage}"]
        assert f"stage={stage}" in deploy["tags"]
        assert "product=escalon" in deploy["tags"]
    names = {
        samconfig[stage]["deploy"]["parameters"]["stack_name"] for stage in ("staging", "prod")
    }
    assert len(names) == 2


def test_no_stage_is_deployed_with_more_power_than_it_needs(samconfig: dict[str, Any]) -> None:
    for stage in ("local", "staging", "prod"):
        assert samconfig[stage]["deploy"]["parameters"]["capabilities"] == ["CAPABILITY_IAM"]


def test_what_samconfig_deploys_is_not_refused(
    template: Template, samconfig: dict[str, Any]
) -> None:
    for stage in ("staging", "prod"):
        overrides = samconfig[stage]["deploy"]["parameters"]["parameter_overrides"]
        given = dict(override.split("=", 1) for override in overrides)
        assert refusals(template.body, **given) == []


def test_conditions_are_decided_both_ways() -> None:
    choice = {"Fn::If": ["Local", ["a"], {"Ref": "AWS::NoValue"}]}
    assert decided(choice, local=True) == ["a"]
    assert decided(choice, local=False) == {"Ref": "AWS::NoValue"}
