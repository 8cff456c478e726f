"""The emulator of Cloud Storage, a process of its own, and a bucket there."""

import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.processes import free_port, kill_group, spawn, wait_for_port

__all__ = ["service_account", "storage_emulator"]


@pytest.fixture(scope="module")
def storage_emulator() -> Iterator[str]:
    """The URL of an emulator of the module's own, which keeps everything in memory."""
    pytest.importorskip("gcp_storage_emulator")
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gcp_storage_emulator", "start"]
    process = spawn([*command, f"--port={port}", "--host=127.0.0.1", "--in-memory", "--quiet"])
    try:
        wait_for_port(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_group(process)


def service_account() -> Any:
    """Credentials with a private key, by which URLs are signed on this machine."""
    from google.oauth2.service_account import Credentials  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Credentials.from_service_account_info(
        {
            "client_email": f"{uuid.uuid4().hex}@test.iam.gserviceaccount.example",
            "private_key": key.decode(),
            "token_uri": "http://127.0.0.1:9/token",
            "type": "service_account",
        }
    )
