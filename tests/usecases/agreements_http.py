"""A stack's HTTP API of agreements in one process, called as API Gateway calls it."""

import base64
import json
from typing import Any

from escalon.adapters.documents import Documents
from escalon.adapters.table import Table
from escalon.routes.agreements import agreements_api
from escalon.usecases.agreements.keep_document import KeepDocument
from escalon.usecases.agreements.updates import TakeUpdate
from escalon.usecases.manage_holds import ManageHolds
from escalon.usecases.operators.answer_agreements import AnswerAgreements
from tests.doubles.crashing import Crashing, Faults
from tests.doubles.world import TABLE, debtor, receivable
from tests.usecases.agreeing import Agreeing

ROLE = "arn:aws:sts::111122223333:assumed-role/{role}/ana"
URL = "https://pay.example.com"


class AgreementsHttp:
    """Ana owes 300,000 pesos on one document; whoever calls does so as `role`;
    with no role nobody has signed."""

    def __init__(self) -> None:
        self.world = Agreeing()
        self.world.owe(receivable("r1", late=40, open_minor=300_000_00))
        self.role = "agent"

    def documents(self, faults: Faults | None = None) -> KeepDocument:
        world, faults = self.world, faults or Faults()
        papers = Documents(Crashing(world.s3, faults), "papers")
        table = Table(Crashing(world.dynamo, faults), TABLE, 1, pause=lambda _: None)
        return KeepDocument(table, papers, lambda _: world.rulebook(), world.clock, URL)

    def answers(self, faults: Faults | None = None) -> AnswerAgreements:
        world = self.world
        table = Table(Crashing(world.dynamo, faults or Faults()), TABLE, 1, pause=lambda _: None)
        manage = world.manage(faults)
        return AnswerAgreements(
            table,
            manage,
            ManageHolds(table, world.clock, lambda _: world.rulebook()),
            self.documents(),
            TakeUpdate(table, manage, world.clock, world.name_of),
            lambda _: world.rulebook(),
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        faults: Faults | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and body; `If_Match` stands for the header If-Match."""
        status, _, answer = self.raw(method, path, body, query=query, faults=faults, **headers)
        return status, json.loads(answer)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        faults: Faults | None = None,
        **headers: str,
    ) -> tuple[int, dict[str, list[str]], bytes]:
        """Status, headers and bytes, as API Gateway passes them on."""
        text = body if isinstance(body, str) else json.dumps(body)
        event = {
            "httpMethod": method,
            "resource": path,
            "path": path,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "queryStringParameters": query,
            # Every body is binary to this API (BinaryMediaTypes */*).
            "body": base64.b64encode(text.encode()).decode() if body is not None else None,
            "isBase64Encoded": body is not None,
            "requestContext": {
                "apiId": "api1",
                "identity": {"userArn": ROLE.format(role=self.role) if self.role else None},
                "path": path,
                "stage": "v1",
            },
        }
        event["headers"]["Content-Type"] = "application/json"
        answer = agreements_api(lambda _: self.answers(faults)).resolve(event, None)
        found = answer["body"].encode()
        if answer.get("isBase64Encoded"):
            found = base64.b64decode(found)
        return answer["statusCode"], answer["multiValueHeaders"], found


def another(http: AgreementsHttp, account_id: str) -> None:
    """Somebody else, who owes as much."""
    http.world.put(debtor(account_id, receivable(f"{account_id}-r1", late=40)))
