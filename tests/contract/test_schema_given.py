"""Tables, topics and subscriptions that somebody else makes: what is missing is named, not made."""

import uuid
from contextlib import AsyncExitStack

import pytest

from services.platform.composition.dependencies import Dependencies
from services.platform.config.settings import Settings, SettingsError
from services.platform.errors import UnavailableError
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec, all_subscriptions
from tests.emulators import bigtable_emulator, pubsub_emulator

__all__ = ["bigtable_emulator", "pubsub_emulator"]

TABLES = (TableSpec("tweets"), TableSpec("outbox", max_age_s=60))
SPEC = ServiceSpec(name="tweet", summary="", port=1, tables=TABLES)


def settings(instance: str, schema: str) -> Settings:
    return Settings.from_environment(
        {
            "AVIARY_STORAGE": "bigtable",
            "AVIARY_BUS": "pubsub",
            "AVIARY_GCP_PROJECT": "test",
            "AVIARY_BIGTABLE_INSTANCE": instance,
            "AVIARY_BIGTABLE_APP_PROFILE": "active",
            "AVIARY_SCHEMA": schema,
        }
    )


async def test_missing_tables_stop_the_start(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = request.getfixturevalue("bigtable_emulator")
    monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", emulator)
    instance = f"test-{uuid.uuid4().hex}"
    async with AsyncExitStack() as stack:
        given = Dependencies(SPEC, settings(instance, "given"), stack)
        with pytest.raises(SettingsError, match="lacks table tweets, table outbox") as error:
            await given.rows("tweet", TABLES)
        assert error.value.variable == "AVIARY_SCHEMA"
        makes = Dependencies(SPEC, settings(instance, "make"), stack)
        await makes.rows("tweet", TABLES[:1])
        with pytest.raises(SettingsError, match="lacks table outbox"):
            await given.rows("tweet", TABLES)
        store = await given.rows("tweet", TABLES[:1])
        assert await store.read_rows("tweets", [b"none"]) == {}


async def test_missing_subscriptions_are_named(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.platform.bus.pubsub import PubSubDriver  # noqa: PLC0415 - as in the other contract tests

    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", request.getfixturevalue("pubsub_emulator"))
    project = f"test-{uuid.uuid4().hex[:12]}"
    given = PubSubDriver(project, all_subscriptions(), given=True)
    made = PubSubDriver(project, all_subscriptions())
    try:
        with pytest.raises(UnavailableError, match=r"subscription fanout\.plan, .*fanout\.rest"):
            await given.declare(all_subscriptions())
        await made.declare(all_subscriptions()[1:])
        with pytest.raises(UnavailableError) as error:
            await given.declare(all_subscriptions())
        first = all_subscriptions()[0].name
        lacking = f"subscription {first}, subscription {first}.dead"
        assert str(error.value) == f"Pub/Sub lacks {lacking}."
        await made.declare(all_subscriptions())
        await given.declare(all_subscriptions())
    finally:
        await given.close()
        await made.close()
