"""What a failed call to a message provider means: never taken, refused for good, or unknown.

The clients that send are made without retries of their own: a retry after a lost answer would be a
second message to the debtor (invariant 1).
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from escalon.domain.ports import NotTaken, Refused, SendResult, Sent, Unknown

# Errors of the request itself, raised before anything has left this process.
_NEVER_LEFT = (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "ThrottledRequestException",
        "TooManyRequestsException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "SlowDown",
    }
)
# Nothing is wrong with this message: permissions or the account have to be mended, then it can go.
_ACCOUNT = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationErrorException",
        "AccountSuspendedException",
        "SendingPausedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",  # the configuration set
        "ResourceNotFoundException",  # the number that WhatsApp goes out from
        "AccessDeniedByMetaException",
    }
)


def send(
    call: Callable[[], dict[str, Any]],
    *,
    blames_address: Callable[[str, str], bool] = lambda _code, _words: False,
    name: str = "MessageId",
) -> SendResult:
    """Call the provider once and say what its answer means.

    `blames_address` tells of an error's code and words whether the address is what is wrong; `name`
    is under which the provider's answer has the message's id.
    """
    try:
        return Sent(call()[name])
    except _NEVER_LEFT as error:
        return NotTaken(type(error).__name__)
    except ParamValidationError as error:
        return Refused(type(error).__name__)
    except ClientError as error:
        code, words = error.response["Error"]["Code"], error.response["Error"]["Message"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLED or status == 429:
            return NotTaken(code)
        if code in _ACCOUNT or status in (401, 403):
            return NotTaken(code)
        # SES says so in words only: the sender's identity is not verified, the message is fine.
        if code == "MessageRejected" and "not verified" in words:
            return NotTaken("IdentityNotVerified")
        if 400 <= status < 500:
            return Refused(code, address_bad=blames_address(code, words))
        return Unknown(code)
    except BotoCoreError as error:  # read time-out, connection closed, answer cut short
        return Unknown(type(error).__name__)
