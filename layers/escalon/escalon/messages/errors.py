"""What can be wrong with a message, said so that an operator finds the place."""


class MessageError(ValueError):
    """A message that cannot be written: names the template, the locale, the line and, for an
    unknown name, that name. It carries no data of a debtor, so it may be logged."""

    def __init__(
        self,
        reason: str,
        *,
        template: str = "",
        locale: str = "",
        line: int | None = None,
        name: str = "",
    ) -> None:
        self.reason = reason
        self.template = template
        self.locale = locale
        self.line = line
        self.name = name
        place = "/".join(part for part in (locale, template) if part)
        if place and line is not None:
            place = f"{place}:{line}"
        super().__init__(f"{place}: {reason}" if place else reason)
