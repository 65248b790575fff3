"""The HTTP API of agreements and holds: routes, and the OpenAPI description that is made from them.

Whoever calls has signed with IAM; API Gateway has checked it. Every POST is an act with a key of
its caller's, by the header Idempotency-Key or the field `key`; one on an agreement names the
version that its caller has seen, by If-Match or the field `version`.
"""

from collections.abc import Callable
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import BaseModel

from escalon.usecases.agreements.manage_agreements import Debt
from escalon.usecases.operators import agreement_requests as io
from escalon.usecases.operators.answer_agreements import (
    UPDATES_AT_MOST,
    AnswerAgreements,
    RefusedError,
    a_problem,
    wrong_request,
)

TITLE = "Escalón: agreements and holds"
_JSON = "application/json"

_Id = Annotated[str, Path(description="The account.")]
_Agreement = Annotated[str, Path(description="The agreement.")]
_Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=64,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="Of this very act: repeated with it, nothing is done twice.",
    ),
]
_Match = Annotated[
    str,
    Header(
        alias="If-Match",
        pattern=r'^(W/)?"?[0-9]*"?$',
        description="The version of the agreement that you have seen (its ETag).",
    ),
]


def agreements_api(answers: Callable[[str], AnswerAgreements]) -> APIGatewayRestResolver:
    """The API; `answers` gives what stands behind it, by the id of the API that was called."""
    api = APIGatewayRestResolver(enable_validation=True)
    _refusals(api)

    def answer() -> AnswerAgreements:
        return answers(str(api.current_event.request_context.api_id))

    def caller() -> str:
        return str(api.current_event.request_context.identity.user_arn or "")

    _about_agreements(api, answer, caller)
    _about_acts(api, answer, caller)
    _about_holds(api, answer, caller)
    _about_updates(api, answer, caller)

    @api.get("/agreements/openapi.json", summary="This description", include_in_schema=False)
    def description() -> Response[str]:
        return Response(200, _JSON, description_of(api))

    return api


def description_of(api: APIGatewayRestResolver) -> str:
    """The OpenAPI description, as JSON."""
    return api.get_openapi_json_schema(
        title=TITLE,
        version="1",
        description=(
            "Signed with AWS Signature Version 4 (execute-api). Amounts are whole minor units, "
            "dates the debtor's calendar. A refusal is a list of problems, each with field, code "
            "and a sentence in Spanish and English."
        ),
    )


type _Answer = Callable[[], AnswerAgreements]
type _Caller = Callable[[], str]


def _about_agreements(api: APIGatewayRestResolver, answer: _Answer, caller: _Caller) -> None:
    tags = ["Agreements"]

    @api.get("/accounts/<id>/offers", summary="What the debtor may choose from", tags=tags)
    def offers(
        id: _Id,
        creditor: Annotated[str, Query()] = "",
        currency: Annotated[str, Query(pattern=r"^([A-Z]{3})?$")] = "",
        receivables: Annotated[str, Query(description="Ids, with commas between.")] = "",
        capacity_minor: Annotated[
            int | None, Query(ge=0, description="What the debtor can pay a month.")
        ] = None,
        replaces: Annotated[str, Query()] = "",
    ) -> io.OffersOut:
        names = tuple(name for name in receivables.split(",") if name)
        return answer().offers(Debt(id, creditor, currency, names), capacity_minor, replaces)

    @api.post("/accounts/<id>/agreement-previews", summary="What terms would come to", tags=tags)
    def preview(id: _Id, asked: io.AgreementIn) -> io.PreviewOut:
        return answer().preview(id, asked, caller())

    @api.get("/accounts/<id>/agreements", summary="All agreements of an account", tags=tags)
    def agreements(id: _Id) -> io.AgreementsOut:
        return answer().list_of(id)

    @api.get("/accounts/<id>/agreements/<agreement>", summary="One agreement", tags=tags)
    def one(id: _Id, agreement: _Agreement) -> Response[io.AgreementOut]:
        return _tagged(answer().one(id, agreement))

    @api.get(
        "/accounts/<id>/agreements/<agreement>/history",
        summary="The agreement, what it came from and what came of it",
        tags=tags,
    )
    def history(id: _Id, agreement: _Agreement) -> io.AgreementsOut:
        return answer().history(id, agreement)

    @api.get(
        "/accounts/<id>/agreements/<agreement>/document",
        summary="Its document",
        tags=tags,
        responses={
            200: {"description": "A PDF", "content": {"application/pdf": {}}},
            409: {"description": "It is not in force yet"},
        },
        enable_validation=False,
    )
    def document(id: str, agreement: str) -> Response[Any]:
        return Response(200, "application/pdf", answer().document(id, agreement))


def _about_acts(api: APIGatewayRestResolver, answer: _Answer, caller: _Caller) -> None:
    tags = ["Acts on agreements"]

    @api.post(
        "/accounts/<id>/agreements",
        summary="Offer terms, or with evidence offer and accept them",
        tags=tags,
    )
    def agree(
        id: _Id,
        asked: io.AgreementIn,
        key: _Key = "",
    ) -> Response[io.AgreementOut]:
        return _tagged(answer().agree(id, _keyed(asked, key), caller()))

    place = "/accounts/<id>/agreements/<agreement>"

    @api.post(f"{place}/acceptance", summary="The debtor accepts, as you have heard", tags=tags)
    def accept(
        id: _Id,
        agreement: _Agreement,
        asked: io.AcceptanceIn,
        key: _Key = "",
        match: _Match = "",
    ) -> Response[io.AgreementOut]:
        asked = _matched(_keyed(asked, key), match)
        return _tagged(answer().accept(id, agreement, asked, caller()))

    @api.post(f"{place}/approval", summary="Approve terms, by a role that may", tags=tags)
    def approve(
        id: _Id,
        agreement: _Agreement,
        asked: io.OnAgreementIn,
        key: _Key = "",
        match: _Match = "",
    ) -> Response[io.AgreementOut]:
        asked = _matched(_keyed(asked, key), match)
        return _tagged(answer().approve(id, agreement, asked, caller()))

    @api.post(f"{place}/cancellation", summary="Take it back", tags=tags)
    def cancel(
        id: _Id,
        agreement: _Agreement,
        asked: io.OnAgreementIn,
        key: _Key = "",
        match: _Match = "",
    ) -> Response[io.AgreementOut]:
        asked = _matched(_keyed(asked, key), match)
        return _tagged(answer().cancel(id, agreement, asked, caller()))

    @api.post(f"{place}/replacement", summary="Offer other terms in its place", tags=tags)
    def replace(
        id: _Id,
        agreement: _Agreement,
        asked: io.ReplacementIn,
        key: _Key = "",
        match: _Match = "",
    ) -> Response[io.AgreementOut]:
        asked = _matched(_keyed(asked, key), match)
        return _tagged(answer().replace(id, agreement, asked, caller()))


def _about_holds(api: APIGatewayRestResolver, answer: _Answer, caller: _Caller) -> None:
    tags = ["Holds"]

    @api.get("/accounts/<id>/holds", summary="All holds of an account", tags=tags)
    def holds(id: _Id) -> io.HoldsOut:
        return answer().holds(id)

    @api.post("/accounts/<id>/holds", summary="Rest an account or a receivable", tags=tags)
    def place_hold(
        id: _Id,
        asked: io.HoldIn,
        key: _Key = "",
    ) -> io.HoldOut:
        return answer().place_hold(id, _keyed(asked, key), caller())

    @api.post("/accounts/<id>/holds/<hold>/end", summary="Let it go on from today", tags=tags)
    def end_hold(
        id: _Id,
        hold: Annotated[str, Path(description="The hold.")],
        asked: io.ActIn,
        key: _Key = "",
    ) -> io.HoldOut:
        return answer().end_hold(id, hold, _keyed(asked, key), caller())


def _about_updates(api: APIGatewayRestResolver, answer: _Answer, caller: _Caller) -> None:
    tags = ["Outside systems"]

    @api.post(
        "/agreement-updates",
        summary="The state of an agreement as an outside system has it",
        tags=tags,
        responses={
            422: {
                "description": "It was refused, and is kept with its reasons",
                "content": {_JSON: {"model": io.UpdateOut}},
            }
        },
    )
    def update(asked: io.UpdateIn) -> Response[io.UpdateOut]:
        status, told = answer().update(asked, caller())
        return Response(status, _JSON, told)

    @api.get("/agreement-updates", summary="Updates that were refused", tags=tags)
    def refused(
        most: Annotated[int, Query(ge=1, le=UPDATES_AT_MOST)] = 50,
    ) -> io.UpdatesOut:
        return answer().refused_updates(most)


# ------------------------------------------------------------------------------------- refusals


def _refusals(api: APIGatewayRestResolver) -> None:
    """Every refusal is a list of problems that a form can show."""

    def refused(error: RefusedError) -> Response[Any]:
        return _problems(error.status, error.problems)

    def wrong(error: RequestValidationError) -> Response[Any]:
        return _problems(422, wrong_request(error.errors()))

    api.exception_handler(RefusedError)(refused)
    api.exception_handler(RequestValidationError)(wrong)

    @api.not_found
    def nothing(_: Exception) -> Response[Any]:
        return _problems(404, [a_problem("", "no_route")])


def _problems(status: int, problems: list[io.ProblemOut]) -> Response[Any]:
    return Response(status, _JSON, io.ProblemsOut(problems=problems).model_dump_json())


def _keyed[Asked: BaseModel](asked: Asked, key: str) -> Asked:
    """With the key of the header if the body has none."""
    own = str(getattr(asked, "key", "")) or key
    if not own:
        raise RefusedError(422, [a_problem("key", "missing")])
    return asked.model_copy(update={"key": own})


def _matched[Asked: BaseModel](asked: Asked, match: str) -> Asked:
    """With the version of the header if the body has none."""
    seen = match.removeprefix("W/").strip('"')
    if getattr(asked, "version", None) is not None or not seen:
        return asked
    return asked.model_copy(update={"version": int(seen)})


def _tagged(agreement: io.AgreementOut) -> Response[io.AgreementOut]:
    return Response(200, _JSON, agreement, headers={"ETag": f'"{agreement.version}"'})
