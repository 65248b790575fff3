"""A stack's HTTP API as operators use it: every request is signed with IAM, so whoever acts is
known by name and role, and needs no access to tables or buckets for it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from escalon_cli.deployed import Deployed
from escalon_cli.local.stack import ADMINISTRATOR, REGION

_SECONDS = 35  # to be answered in: a function may take 28


class ApiError(LookupError):
    """The API did not do what was asked; says why, and what to do."""


@dataclass
class OperatorApi:
    """A stack's HTTP API as somebody who signs with IAM."""

    url: str
    region: str
    credentials: Any  # botocore's

    def __call__(
        self, method: str, path: str, fields: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask; raises ApiError with what is wrong, field by field."""
        address = self.url + path
        body = json.dumps(fields).encode() if fields is not None else b""
        headers = {"Content-Type": "application/json"} if fields is not None else {}
        request = AWSRequest(method, address, headers, body)
        SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        session = URLLib3Session(timeout=_SECONDS, proxies=get_environ_proxies(address))
        try:
            answer = session.send(request.prepare())
        except HTTPClientError as error:
            raise ApiError(_lost(fields, str(error))) from error
        try:
            found: dict[str, Any] = json.loads(answer.content)
        except ValueError:
            raise ApiError(_lost(fields, f"the API answered {answer.status_code}")) from None
        if answer.status_code == 200:
            return found
        if "problems" in found:
            raise ApiError("\n".join(_problem(problem) for problem in found["problems"]))
        # API Gateway itself: no permission for the route, an expired signature, a time-out.
        told = str(found.get("message") or found.get("Message") or "")
        raise ApiError(_lost(fields, f"the API answered {answer.status_code}: {told}"))


def operator_api(deployed: Deployed) -> OperatorApi:
    """The API of a stack, as the administrator of an embedded one or with the environment's
    credentials."""
    if is_embedded(deployed):
        session = boto3.Session(*ADMINISTRATOR, region_name=REGION)
    else:
        session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise ApiError("there are no AWS credentials to sign with; log in first")
    return OperatorApi(
        deployed.outputs["ApiUrl"],
        session.region_name or REGION,
        credentials.get_frozen_credentials(),
    )


def is_embedded(deployed: Deployed) -> bool:
    """Whether the stack runs on this machine: it speaks plain HTTP, on loopback."""
    return deployed.outputs["ApiUrl"].startswith("http://")


@contextmanager
def as_another(deployed: Deployed, name: str) -> Iterator[OperatorApi]:
    """The API as another person, to try on an embedded stack what needs two: a user of that name
    who may call it. In AWS people have identities of their own."""
    if not is_embedded(deployed):
        raise ApiError("only in an embedded stack can you be somebody else; log in as that person")
    iam = deployed.client("iam")
    known = {user["UserName"] for user in iam.list_users()["Users"]}
    if name not in known:
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(
            UserName=name, PolicyName="operator", PolicyDocument=json.dumps(document)
        )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        yield OperatorApi(deployed.outputs["ApiUrl"], REGION, credentials)
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


def _problem(problem: Mapping[str, Any]) -> str:
    field = f"{problem['field']}: " if problem["field"] else ""
    if "message" in problem:
        return f"{field}{problem['message']['en']}"
    return f"{field}{problem['problem']}; {problem['remedy']}"


def _lost(fields: Mapping[str, Any] | None, what: str) -> str:
    if fields is None:
        return what
    return f"{what}\nif it was done nobody knows: repeat the command with --key {fields['key']}"
