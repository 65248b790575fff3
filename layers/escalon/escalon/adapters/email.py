"""E-mail through Amazon SES v2, as the exact bytes that were kept before."""

from typing import Any

from escalon.adapters.provider_errors import send
from escalon.domain.ports import SendResult


def set_of(configuration_set: str, creditor: str) -> str:
    """The name of a creditor's own configuration set beside the stack's. No stack's name has an
    underscore, so no other stack's set is called so."""
    return f"{configuration_set}_{creditor}"


class Email:
    """`client` is a boto3 sesv2 client without retries."""

    def __init__(self, client: Any, configuration_set: str) -> None:
        self._client = client
        self._configuration_set = configuration_set

    def send(
        self,
        mime: bytes,
        *,
        to_address: str,
        from_address: str,
        message_id: str,
        account_id: str,
        creditor: str,
        own_set: bool = False,
    ) -> SendResult:
        """Hand one message to SES, by the stack's configuration set or the creditor's own
        (`own_set`). Our ids travel as tags, so that SES's own events name them (carriers/ses) and
        settle what a crash left open."""
        request: dict[str, Any] = {
            "FromEmailAddress": from_address,
            "Destination": {"ToAddresses": [to_address]},
            "Content": {"Raw": {"Data": mime}},
            "EmailTags": [
                {"Name": "account_id", "Value": account_id},
                {"Name": "message_id", "Value": message_id},
                {"Name": "creditor", "Value": creditor},
            ],
        }
        if self._configuration_set:
            name = self._configuration_set
            request["ConfigurationSetName"] = set_of(name, creditor) if own_set else name
        # MessageRejected covers content as well as addresses, so it does not blame the address.
        return send(lambda: self._client.send_email(**request))
