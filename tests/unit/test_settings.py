from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from services.local.certificates import certified
from services.local.errors import StartError
from services.platform.config.settings import DEFAULT_ADDRESSES, Settings, SettingsError


def test_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings.data_dir == Path(".data")
    assert (settings.storage, settings.bus, settings.log_level) == ("sqlite", "valkey", "info")
    assert (settings.edge_port, settings.celebrity_threshold) == (8080, 500_000)
    assert settings.bus_valkey_url.startswith("redis://127.0.0.1:")
    assert settings.bus_visibility_s == 30
    assert settings.addresses == DEFAULT_ADDRESSES
    assert settings.cursor_key.keys() is None
    assert settings.challenge_key.keys() is None
    assert settings.first_party_clients == ()
    assert (settings.metrics_address, settings.probe_address) == (None, None)
    assert (settings.otlp_endpoint, settings.flags_file) == (None, None)
    assert (settings.heartbeat_file, settings.restarts_file) == (None, None)
    assert settings.tls_dir is None
    assert not settings.sidecar
    assert settings.edge_limits
    assert (settings.signing_keys, settings.signing_keys_file) == ((), None)
    assert settings.nonce_valkey_url == settings.bus_valkey_url


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "AVIARY_DATA_DIR": "/var/aviary",
            "AVIARY_STORAGE": "bigtable",
            "AVIARY_BUS": "pubsub",
            "AVIARY_EDGE_PORT": "0",
            "AVIARY_BUS_VALKEY_URL": "redis://bus:1/0",
            "AVIARY_CACHE_VALKEY_URL": "unix:///run/cache.sock",
            "AVIARY_TIMELINE_ADDRESS": "timeline:9",
            "AVIARY_TLS_DIR": "/run/certificates",
            "AVIARY_SIGNING_KEYS_FILE": "/run/signing.keys",
            "AVIARY_NONCE_VALKEY_URL": "redis://nonces:1/0",
            "AVIARY_CELEBRITY_THRESHOLD": "3",
            "AVIARY_BUS_VISIBILITY_S": "60",
            "AVIARY_CURSOR_KEY": "ab" * 16,
            "AVIARY_CHALLENGE_KEY": "cd" * 16,
            "AVIARY_FIRST_PARTY_CLIENTS": "ios, android",
            "AVIARY_IDENTITY_HTTP_ADDRESS": "identity:80",
            "AVIARY_ISSUER_URL": "https://aviary.example",
            "AVIARY_IDENTITY_KEY": "cd" * 32,
            "AVIARY_OPERATOR_SECRET": "ef" * 16,
            "AVIARY_PUBLIC_READS": "on",
            "AVIARY_EDGE_LIMITS": "off",
            "AVIARY_TRUSTED_ISSUERS": "/etc/issuers.json",
            "AVIARY_AUDIT": "files",
            "AVIARY_EDGE_DENIALS_LOG": "/var/log/denials.log",
            "AVIARY_SIDECAR_DENIALS_LOG": "/var/log/sidecar.log",
            "AVIARY_GCP_PROJECT": "p",
            "AVIARY_BIGTABLE_INSTANCE": "i",
            "AVIARY_BIGTABLE_APP_PROFILE": "active",
            "AVIARY_SCHEMA": "given",
            "AVIARY_LOG_LEVEL": "debug",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
            "AVIARY_METRICS_ADDRESS": "0.0.0.0:9464",
            "AVIARY_TRACE_PERCENT": "1",
            "AVIARY_PROBE_ADDRESS": "0.0.0.0:8081",
            "AVIARY_FLAGS_FILE": "/etc/aviary/flags.yaml",
            "AVIARY_HEARTBEAT_FILE": "/proc/1/fd/7",
            "AVIARY_RESTARTS_FILE": "/proc/1/fd/8",
        }
    )
    assert settings.data_dir == Path("/var/aviary")
    assert (settings.storage, settings.bus, settings.log_level) == ("bigtable", "pubsub", "debug")
    assert (settings.edge_port, settings.celebrity_threshold) == (0, 3)
    assert settings.bus_visibility_s == 60
    assert settings.bus_valkey_url == "redis://bus:1/0"
    assert settings.challenge_key.value == b"\xcd" * 16
    assert settings.first_party_clients == ("ios", "android")
    assert settings.cache_valkey_url == "unix:///run/cache.sock"
    assert settings.addresses["timeline"] == "timeline:9"
    assert settings.addresses["user"] == DEFAULT_ADDRESSES["user"]
    assert settings.tls_dir == Path("/run/certificates")
    assert settings.signing_keys_file == Path("/run/signing.keys")
    assert settings.nonce_valkey_url == "redis://nonces:1/0"
    assert settings.cursor_key.value == b"\xab" * 16
    assert settings.identity_http_address == "identity:80"
    assert settings.issuer_url == "https://aviary.example"
    assert settings.identity_key.value == b"\xcd" * 32
    assert settings.operator_secret.value == b"\xef" * 16
    assert settings.public_reads
    assert (settings.bigtable_app_profile, settings.schema) == ("active", "given")
    assert settings.trusted_issuers == Path("/etc/issuers.json")
    assert settings.audit == "files"
    assert settings.edge_denials_log == Path("/var/log/denials.log")
    assert settings.sidecar_denials_log == Path("/var/log/sidecar.log")
    assert (settings.gcp_project, settings.bigtable_instance) == ("p", "i")
    assert settings.otlp_endpoint == "http://collector:4317"
    assert settings.metrics_address == "0.0.0.0:9464"
    assert settings.flags_file == Path("/etc/aviary/flags.yaml")
    assert settings.heartbeat_file == Path("/proc/1/fd/7")
    assert settings.restarts_file == Path("/proc/1/fd/8")


@pytest.mark.parametrize(
    ("variable", "got", "wanted"),
    [
        ("AVIARY_STORAGE", "mysql", "one of sqlite, bigtable"),
        ("AVIARY_BUS", "kafka", "one of valkey, pubsub"),
        ("AVIARY_SCHEMA", "\udcff", "one of make, given"),
        ("AVIARY_EDGE_PORT", "http", "a whole number"),
        ("AVIARY_METRICS_ADDRESS", "9464", "host:port"),
        ("AVIARY_TRACE_PERCENT", "101", "at most 100"),
        ("AVIARY_TRACE_PERCENT", "0.5", "a whole number"),
        ("AVIARY_PROBE_ADDRESS", "8081", "host:port"),
        ("AVIARY_EDGE_PORT", "65536", "at most 65535"),
        ("AVIARY_CELEBRITY_THRESHOLD", "0", "at least 1"),
        ("AVIARY_MAX_FOLLOWED", "1000001", "1000000"),
        ("AVIARY_MAX_HIDDEN_LISTED", "0", "at least 1"),
        ("AVIARY_MAX_HIDDEN_LISTED", "10001", "10000"),
        ("AVIARY_HANDLE_HOLD_DAYS", "-1", "a whole number"),
        ("AVIARY_HANDLE_HOLD_DAYS", "3651", "3650"),
        ("AVIARY_CELEBRITY_THRESHOLD", "٣", "a whole number"),
        ("AVIARY_BUS_VISIBILITY_S", "9", "at least 10 and at most 600"),
        ("AVIARY_USER_ADDRESS", "nowhere", "host:port"),
        ("AVIARY_LOG_LEVEL", "loud", "one of info"),
        ("AVIARY_AUDIT", "nowhere", "one of files, log"),
        ("AVIARY_PUBLIC_READS", "yes", "one of off, on"),
        ("AVIARY_EDGE_LIMITS", "no", "one of on, off"),
        ("AVIARY_EDGE_LIMITS", "OFF", "one of on, off"),
        ("AVIARY_TLS", "false", "one of on, off"),
        ("AVIARY_SIDECAR", "true", "one of off, on"),
        ("AVIARY_ISSUER_URL", "aviary.example", "scheme://host:port"),
        ("AVIARY_ISSUER_URL", "https://aviary.example/", "scheme://host:port"),
        ("AVIARY_ISSUER_URL", "https://a.example?x=1", "scheme://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "a URL such as"),
    ],
)
def test_bad_value_is_named(variable: str, got: str, wanted: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: got})
    assert str(caught.value).startswith(f"{variable}: got {got!r}, wanted ")
    assert wanted in str(caught.value)


def test_without_rows_on_a_disk_there_is_no_audit_log_on_it() -> None:
    cloud = {"AVIARY_GCP_PROJECT": "p", "AVIARY_BIGTABLE_INSTANCE": "i"}
    assert Settings.from_environment({}).audit == "files"
    assert Settings.from_environment({**cloud, "AVIARY_STORAGE": "bigtable"}).audit == "log"


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({"AVIARY_BUS": "pubsub"}, "AVIARY_GCP_PROJECT"),
        ({"AVIARY_STORAGE": "bigtable"}, "AVIARY_GCP_PROJECT"),
        (
            {"AVIARY_STORAGE": "bigtable", "AVIARY_GCP_PROJECT": "p"},
            "AVIARY_BIGTABLE_INSTANCE",
        ),
    ],
)
def test_cloud_engines_want_their_names(env: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environment(env)


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("AVIARY_CURSOR_KEY", "c0ffee"),
        ("AVIARY_IDENTITY_KEY", "ab" * 31),
        ("AVIARY_IDENTITY_KEY", "ab" * 33),
        ("AVIARY_OPERATOR_SECRET", "c0ffee"),
        ("AVIARY_CURSOR_KEY", "not hex, still secret"),
        ("AVIARY_BUS_VALKEY_URL", "http://:hunter2@bus:6379"),
        ("AVIARY_SIGNING_KEYS", "a:c0ffee"),
        ("AVIARY_SIGNING_KEYS", f"a b:{'5a' * 32}"),
    ],
)
def test_bad_secret_is_named_but_not_shown(variable: str, secret: str) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        Settings.from_environment({variable: secret})
    assert secret not in str(caught.value)


def test_the_first_of_several_bad_values_is_named_and_nothing_is_chained_to_it() -> None:
    env = {"AVIARY_CURSOR_KEY": "hunter2", "AVIARY_STORAGE": "mysql", "AVIARY_BUS": "kafka"}
    with pytest.raises(SettingsError, match=r"^AVIARY_STORAGE: got 'mysql'") as caught:
        Settings.from_environment(env)
    # A traceback prints what is chained, with every value that did not fit.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_an_empty_or_blank_variable_is_unset() -> None:
    blank = dict.fromkeys(("AVIARY_EDGE_PORT", "AVIARY_STORAGE", "AVIARY_CURSOR_KEY"), " ")
    assert Settings.from_environment(blank) == Settings.from_environment({})
    assert Settings.from_environment({"AVIARY_EDGE_PORT": " 1 "}).edge_port == 1


def test_settings_are_frozen_and_can_be_replaced() -> None:
    env = {"AVIARY_CURSOR_KEY": "5a" * 32, "AVIARY_FIRST_PARTY_CLIENTS": "ios", "AVIARY_TLS": "off"}
    settings = Settings.from_environment(env)
    with pytest.raises(FrozenInstanceError):
        settings.edge_port = 1  # type: ignore[misc]
    other = replace(settings, edge_port=1)
    assert other.edge_port == 1
    assert replace(other, edge_port=settings.edge_port) == settings


def test_repr_hides_the_cursor_key() -> None:
    settings = Settings.from_environment({"AVIARY_CURSOR_KEY": "5a" * 32})
    assert "5a" * 32 not in repr(settings)
    assert "ZZZ" not in repr(settings)


def test_a_cluster_is_set_by_true_or_false() -> None:
    url = "redis://bus:1/0?cluster="
    for value in ("true", "false"):
        settings = Settings.from_environment({"AVIARY_BUS_VALKEY_URL": url + value})
        assert settings.bus_valkey_url == url + value
    with pytest.raises(SettingsError, match=r"AVIARY_BUS_VALKEY_URL.*cluster=true"):
        Settings.from_environment({"AVIARY_BUS_VALKEY_URL": url + "maybe"})
    for repeated in (f"{url}true&cluster=false", f"{url}true&x=1&x=1"):
        with pytest.raises(SettingsError, match=r"AVIARY_BUS_VALKEY_URL.*once"):
            Settings.from_environment({"AVIARY_BUS_VALKEY_URL": repeated})


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "tweet", "10.0.0.1", "[::]", "127.evil.example"],  # noqa: S104 - refused
)
def test_plaintext_beyond_loopback_has_to_be_asked_for(host: str) -> None:
    env = {"AVIARY_TWEET_ADDRESS": f"{host}:50053"}
    with pytest.raises(SettingsError, match=r"AVIARY_TLS_DIR.*AVIARY_TWEET_ADDRESS"):
        Settings.from_environment(env)
    assert Settings.from_environment(env | {"AVIARY_TLS": "off"}).tls_dir is None
    assert Settings.from_environment(env | {"AVIARY_TLS_DIR": "/c"}).tls_dir == Path("/c")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_on_loopback_plaintext_is_the_default(host: str) -> None:
    env = {"AVIARY_TWEET_ADDRESS": f"{host}:50053"}
    assert Settings.from_environment(env).tls_dir is None


def test_certificates_that_would_not_be_used_are_refused() -> None:
    with pytest.raises(SettingsError, match="AVIARY_TLS: got 'off'"):
        Settings.from_environment({"AVIARY_TLS": "off", "AVIARY_TLS_DIR": "/c"})


def test_signing_keys_come_from_one_place_and_are_not_shown() -> None:
    keys = f"new:{'5a' * 32},old:{'a5' * 32}"
    settings = Settings.from_environment({"AVIARY_SIGNING_KEYS": keys})
    assert [key.key_id for key in settings.signing_keys] == ["new", "old"]
    assert settings.signing_keys[0].secret == b"Z" * 32
    for shown in (repr(settings), repr(settings.signing_keys)):
        assert "ZZZ" not in shown
        assert "5a5a" not in shown
    with pytest.raises(SettingsError, match="AVIARY_SIGNING_KEYS_FILE"):
        Settings.from_environment({"AVIARY_SIGNING_KEYS": keys, "AVIARY_SIGNING_KEYS_FILE": "/k"})


def test_a_sidecar_has_all_that_is_beyond_loopback() -> None:
    assert Settings.from_environment({"AVIARY_SIDECAR": "on"}).sidecar
    for env, variable in (
        ({"AVIARY_TLS_DIR": "/c"}, "AVIARY_SIDECAR"),
        ({"AVIARY_TWEET_ADDRESS": "0.0.0.0:1", "AVIARY_TLS": "off"}, "AVIARY_TWEET_ADDRESS"),
        ({"AVIARY_USER_ADDRESS": "user:1", "AVIARY_TLS": "off"}, "AVIARY_USER_ADDRESS"),
    ):
        with pytest.raises(SettingsError, match=f"^{variable}: got"):
            Settings.from_environment({"AVIARY_SIDECAR": "on", **env})
    with pytest.raises(SettingsError, match=r"^AVIARY_SIDECAR: got 'yes'"):
        Settings.from_environment({"AVIARY_SIDECAR": "yes"})


def test_the_issuer_has_certificates_beyond_loopback() -> None:
    env = {"AVIARY_SIDECAR": "on", "AVIARY_IDENTITY_HTTP_ADDRESS": "0.0.0.0:50059"}
    with pytest.raises(SettingsError, match="AVIARY_IDENTITY_TLS_DIR"):
        Settings.from_environment(env)
    own = Settings.from_environment(env | {"AVIARY_IDENTITY_TLS_DIR": "/i"})
    assert (own.tls_dir, own.identity_tls_dir) == (None, Path("/i"))
    shared = Settings.from_environment({"AVIARY_TLS_DIR": "/c"})
    assert shared.identity_tls_dir == Path("/c")


def test_on_one_machine_nobody_else_makes_the_schema() -> None:
    with pytest.raises(SettingsError, match="AVIARY_SCHEMA: got 'given', wanted make"):
        Settings.from_environment({"AVIARY_SCHEMA": "given"})


@pytest.mark.parametrize("word", ["no", "OFF", "false"])
async def test_make_run_takes_no_other_word_for_plaintext(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("AVIARY_TLS", word)
    with pytest.raises(StartError, match=f"AVIARY_TLS: got '{word}', wanted one of on, off"):
        async with certified(tmp_path):
            pass
