"""Where a telephone number is: what an SMS can do depends on it."""


def country_of(number: str) -> str:
    """The country of a number in E.164; empty if nobody can tell."""
    import phonenumbers  # here: 30 ms that only SMS have to pay

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return ""
    # One that nobody was given yet, or that is too new to know, has at least its country's code.
    found = phonenumbers.region_code_for_number(parsed)
    found = found or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return "" if found == phonenumbers.UNKNOWN_REGION else str(found)
