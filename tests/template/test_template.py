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
    assert set(keeping) == {"ReceivablesTable", "HistoryTable", "Documents", "IdentityKey"}
    for name, resource in keeping.items():
        assert resource["DeletionPolicy"] == "Retain", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


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
    (bucket,) = template.of_type("AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (policy,) = template.of_type("AWS::S3::BucketPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == "s3:*"
    assert statement["Principal"] == "*"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_nothing_in_the_bucket_is_kept_for_ever_by_an_old_version(template: Template) -> None:
    (bucket,) = template.of_type("AWS::S3::Bucket").values()
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["messages"]["ExpirationInDays"] == {"Ref": "MessageDays"}
    for name in ("inbox", "import-parts", "messages"):
        assert rules[name]["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30, name
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"]


def test_an_export_is_noticed_however_its_name_is_written(template: Template) -> None:
    (bucket,) = template.of_type("AWS::S3::Bucket").values()
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
    (permission,) = template.of_type("AWS::Lambda::Permission").values()
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    (bucket,) = template.of_type("AWS::S3::Bucket").values()
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
        if name != "DeadLetters":
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
        assert groups[group]["RetentionInDays"] == {"Ref": "LogDays"}, name
    assert set(used) == set(groups)
    assert len(used) == len(template.functions)
    assert template.body["Globals"]["Function"]["LoggingConfig"]["LogFormat"] == "JSON"


def test_every_asynchronous_path_ends_in_the_dead_letters(template: Template) -> None:
    dead = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    notified = {
        entry["Function"]["Fn::GetAtt"][0]
        for bucket in template.of_type("AWS::S3::Bucket").values()
        for entry in bucket["NotificationConfiguration"]["LambdaConfigurations"]
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
    assert asynchronous == {"Sweep", "ImportReceivables"}
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
    assert allowed == {"Escalate", "ImportReceivables"}
    for module in ("escalate", "import_receivables"):
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
    too_late = importlib.import_module("escalon.usecases.sweep").TOO_LATE.total_seconds()
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
    }
    names = [
        part[key]
        for kind, key in chosen.items()
        for part in template.of_type(kind).values()
        if key in part
    ]
    names += [s["Name"] for kind, s in template.sources("Sweep") if kind == "ScheduleV2"]
    assert len(names) == 6
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


# ---------------------------------------------------------------------------------- permissions

# The whole of what each function may do in AWS. A permission that is added has to be added here,
# with whoever reviews it looking at it.
ALWAYS = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
FROM_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
SETTLES = {"dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"}

GOLDEN = {
    "Sweep": {
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "EscalateQueue": {"sqs:SendMessage"},
        "RulebookProfile": {
            "appconfig:StartConfigurationSession",
            "appconfig:GetLatestConfiguration",
        },
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
        "TaskQueue": {"sqs:SendMessage"},
        "rulebooks/*": {"s3:GetObject"},
        "EscalateLogs": LOGS,
    },
    "DeliverEmail": {
        "EmailQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES,
        "rulebooks/*": {"s3:GetObject"},
        "messages/*": {"s3:PutObject"},
        "identity/*": {"ses:SendEmail", "ses:SendRawEmail"},
        "EmailConfiguration": {"ses:SendEmail", "ses:SendRawEmail"},
        "DeliverEmailLogs": LOGS,
    },
    "DeliverSms": {
        "SmsQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES,
        "rulebooks/*": {"s3:GetObject"},
        "messages/*": {"s3:PutObject"},
        "*": {"sns:Publish"},
        "DeliverSmsLogs": LOGS,
    },
    "OpenTask": {
        "TaskQueue": FROM_QUEUE,
        "ReceivablesTable": SETTLES,
        "rulebooks/*": {"s3:GetObject"},
        "OpenTaskLogs": LOGS,
    },
    "ImportReceivables": {
        "DeadLetters": {"sqs:SendMessage"},
        "ReceivablesTable": {
            *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"),
            "dynamodb:UpdateItem",
        },
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
    assert set(roles) == set(template.of_type("AWS::IAM::Role"))
    for name, role in template.of_type("AWS::IAM::Role").items():
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
        "DeliverSms": {"sns:Publish"}
    }
    denied = [s for s in template.statements("DeliverSmsRole") if s["Effect"] == "Deny"]
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


def test_delivery_and_sweep_reach_their_own_items_of_the_table_only(template: Template) -> None:
    keys = {}
    for function in template.functions:
        for statement in template.statements(template.role_of(function)):
            if "Condition" in statement:
                ((_, condition),) = statement["Condition"].items()
                keys[function] = condition["dynamodb:LeadingKeys"]
    assert keys == {
        "Sweep": ["RUN#*", "CLOCK"],
        "DeliverEmail": ["A#*", "CLOCK"],
        "DeliverSms": ["A#*", "CLOCK"],
        "OpenTask": ["A#*", "CLOCK"],
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
        "EscalateLagAlarm",
        "DeliveryLagAlarm",
        "HistoryLagAlarm",
        "AccountsFailedAlarm",
        "FunctionErrorsAlarm",
        "FunctionThrottlesAlarm",
    }
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
        assert alarm["AlarmDescription"], name
        silence_is_bad = name == "NoSweepAlarm"
        expected = "breaching" if silence_is_bad else "notBreaching"
        assert alarm["TreatMissingData"] == expected, name


def test_the_alarms_topic_can_be_published_to(template: Template) -> None:
    """CloudWatch may not use the key alias/aws/sns: with it every alarm is lost without a word."""
    (topic,) = template.of_type("AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic
    (subscription,) = template.of_type("AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == {"Ref": "AlarmEmail"}


def test_errors_and_throttles_of_every_function_are_watched(template: Template) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    for name, metric in (
        ("FunctionErrorsAlarm", "Errors"),
        ("FunctionThrottlesAlarm", "Throttles"),
    ):
        watched = set()
        for query in alarms[name]["Metrics"]:
            if "MetricStat" in query:
                found = query["MetricStat"]["Metric"]
                assert found["MetricName"] == metric
                watched.add(found["Dimensions"][0]["Value"]["Ref"])
        assert watched == set(template.functions), name


def test_an_alarm_on_our_own_metric_names_one_that_the_function_counts(
    template: Template,
) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    ours = {
        name: alarm
        for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items()
        if alarm.get("Namespace") == variables["POWERTOOLS_METRICS_NAMESPACE"]
    }
    assert set(ours) == {"NoSweepAlarm", "AccountsFailedAlarm"}
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
    assert sorted(services) == [
        *("deliver_email", "deliver_sms", "escalate", "import_receivables"),
        *("open_task", "record_history", "sweep"),
    ]


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
