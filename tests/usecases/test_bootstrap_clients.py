"""How the clients of AWS are set up."""

from collections.abc import Iterator

import pytest

from escalon import bootstrap


@pytest.fixture
def no_parts() -> Iterator[None]:
    """Nothing that another test has put together."""
    caches = (bootstrap.settings, bootstrap._session, bootstrap._client)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


@pytest.mark.usefixtures("no_parts")
@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "https://bucket.s3.amazonaws.com/"),
        ("sa-east-1", "https://bucket.s3.sa-east-1.amazonaws.com/"),
    ],
)
def test_forms_and_addresses_for_others_are_signed_as_new_buckets_want_it(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    for name, value in {
        "ESCALON_STAGE": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    client = bootstrap._client("s3")
    form = client.generate_presigned_post("bucket", "key")
    assert form["url"] == host
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    address = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address
