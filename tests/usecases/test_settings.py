"""Settings: what the template tells a function, or an error that names the variable."""

import pytest

from escalon.settings import SettingsError, settings_from


def test_the_variables_of_the_template_are_read() -> None:
    found = settings_from({"ESCALON_STAGE": "prod", "ESCALON_SHARDS": "8", "HOME": "/"})
    assert (found.stage, found.shards, found.clock) == ("prod", 8, "system")


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "ESCALON_STAGE"),
        ({"ESCALON_STAGE": "local", "ESCALON_SHARDS": "many"}, "shards"),
        ({"ESCALON_STAGE": "local", "ESCALON_SHARDS": "0"}, "ESCALON_SHARDS"),
        ({"ESCALON_STAGE": "local", "ESCALON_CLOCK": "sundial"}, "ESCALON_CLOCK"),
        ({"ESCALON_STAGE": "prod", "ESCALON_CLOCK": "table"}, "production"),
    ],
)
def test_what_is_wrong_is_named(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        settings_from(variables)
