"""A message as WhatsApp takes it: a template that Meta has approved, with our values in its places.

Whoever has not written to us within a day can be sent nothing else, and the words were approved
before, so what is written here is the values alone: each on one line, as Meta demands (WhatsApp
Cloud API, "Send template messages": no line breaks, no tabs, at most four spaces running).
"""

from typing import Any

import msgspec

from escalon.domain.contact.channels import WhatsappTemplate, WhatsappValue
from escalon.messages.context import MessageContext, pick_locale
from escalon.messages.errors import MessageError
from escalon.messages.locales import Reader
from escalon.messages.plain import NBSP, one_line


def template_message(
    template: WhatsappTemplate,
    context: MessageContext,
    *,
    to_number: str,
    code: str,
    reference: str,
) -> bytes:
    """The request of Meta's API as JSON, the same for the same message. `to_number` is in E.164,
    `code` that of the message's link, and `reference` comes back with everything that Meta tells of
    it. Raises MessageError if a value has nothing to say, since Meta refuses an empty one."""
    language = pick_locale(
        template.languages.keys(), context.locale, next(iter(template.languages))
    )
    reader = Reader(context.locale, codes=len(context.to_pay) > 1)
    values = [_value(name, context, reader) for name in template.body]
    components: list[dict[str, Any]] = []
    if values:
        texts = [{"type": "text", "text": value} for value in values]
        components.append({"type": "body", "parameters": texts})
    if template.link_button:
        if not code:
            raise MessageError("the message has no link for its button")
        components.append(
            {
                "type": "button",
                "sub_type": "url",
                "index": "0",
                "parameters": [{"type": "text", "text": code}],
            }
        )
    return msgspec.json.encode(
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to_number,
            "type": "template",
            "template": {
                "name": template.name,
                "language": {"code": template.languages[language]},
                "components": components,
            },
            "biz_opaque_callback_data": reference,
        }
    )


def _value(name: WhatsappValue, context: MessageContext, reader: Reader) -> str:
    text = one_line(_written(name, context, reader)).replace(NBSP, " ")
    if not text:
        raise MessageError(f"there is no {name} for the WhatsApp template")
    return text


def _written(name: WhatsappValue, context: MessageContext, reader: Reader) -> str:
    asked = context.overdue if context.asks_for == "overdue" else context.upcoming
    dated = sorted((line for line in asked if line.due_on), key=lambda line: str(line.due_on))
    match name:
        case "debtor_name":
            return context.debtor_name
        case "creditor":
            return context.creditor.name
        case "to_pay":
            return reader.amounts(context.to_pay) if context.to_pay else ""
        case "documents":
            return reader.number(len(asked)) if asked else ""
        case "document":
            return dated[0].document if dated else ""
        case "due_on":
            due_on = dated[0].due_on if dated else None
            return reader.long_date(due_on) if due_on else ""
        case "respond_by":
            return reader.long_date(context.respond_by) if context.respond_by else ""
        case "phone":
            return context.creditor.phone
