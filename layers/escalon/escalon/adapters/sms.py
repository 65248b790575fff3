"""SMS through Amazon SNS, transactional, with a sender id where the country has such a thing."""

from typing import Any

from escalon.adapters.provider_errors import send
from escalon.domain.ports import SendResult


class Sms:
    """`client` is a boto3 sns client without retries."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def send(
        self, text: str, *, to_number: str, sender_id: str = "", most_price: str = ""
    ) -> SendResult:
        """Hand one SMS to SNS, to be sent only if it costs no more than `most_price` USD. SNS has
        no key against repetition and takes no tag of ours: a lost answer is never repeated."""
        attributes = {
            "AWS.SNS.SMS.SMSType": _text("Transactional"),
            **({"AWS.SNS.SMS.SenderID": _text(sender_id)} if sender_id else {}),
        }
        if most_price:
            attributes["AWS.SNS.SMS.MaxPrice"] = {"DataType": "Number", "StringValue": most_price}
        return send(
            lambda: self._client.publish(
                PhoneNumber=to_number, Message=text, MessageAttributes=attributes
            ),
            blames_address=_blames_number,
        )


def _blames_number(code: str, words: str) -> bool:
    """SNS says "Invalid parameter: PhoneNumber Reason: … is not valid to publish to". The same code
    stands for whatever else it dislikes, a sender id for instance, and then the number is good."""
    if code == "OptedOutException":
        return True
    return code in ("InvalidParameter", "InvalidParameterException") and "PhoneNumber" in words


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
