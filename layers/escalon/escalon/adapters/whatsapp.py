"""WhatsApp through AWS End User Messaging Social, as the exact bytes that were kept before."""

from typing import Any

from escalon.adapters.provider_errors import send
from escalon.domain.ports import NotTaken, SendResult

# The version of Meta's API whose requests messages/whatsapp writes.
META_API = "v20.0"


class Whatsapp:
    """`client` is a boto3 socialmessaging client without retries; `phone_number_id` the number that
    we write from, as the service names it, empty while the stack has none."""

    def __init__(self, client: Any, phone_number_id: str) -> None:
        self._client = client
        self._phone_number_id = phone_number_id

    def send(self, message: bytes) -> SendResult:
        """Hand one message over. Meta's own verdict on it, as that the number is not on WhatsApp,
        comes later (carriers/whatsapp)."""
        if not self._phone_number_id:
            return NotTaken("NoPhoneNumber")
        return send(
            lambda: self._client.send_whatsapp_message(
                originationPhoneNumberId=self._phone_number_id,
                message=message,
                metaApiVersion=META_API,
            ),
            name="messageId",
        )
