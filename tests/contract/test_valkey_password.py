"""A password in a file: read again for each connection, so that it can be replaced."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from services.platform.valkey.connection import open_node, open_valkey
from tests.contract.valkey_servers import valkey_node

OLD, NEW = "of yesterday", "of today"


async def test_it_is_replaced_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(OLD + "\n")
    with valkey_node(tmp_path) as port, Redis(port=port) as admin:
        admin.config_set("requirepass", OLD)
        url = f"redis://127.0.0.1:{port}/0?password_file={file}"
        client, node = open_valkey(url, timeout_s=5), open_node(url, timeout_s=5)
        assert await client.set("key", b"value")
        assert await node.get("key") == b"value"
        # First the server takes another, then the file says so; what is connected stays so.
        admin.config_set("requirepass", NEW)
        assert await client.get("key") == b"value"
        file.write_text(NEW)
        await client.connection_pool.disconnect()
        assert await client.get("key") == b"value"
        file.write_text(OLD)
        await client.connection_pool.disconnect()
        with pytest.raises(RedisError):
            await client.get("key")
        await client.aclose()
        await node.aclose()


async def test_a_user_may_be_named_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(NEW)
    with valkey_node(tmp_path) as port, Redis(port=port) as admin:
        admin.acl_setuser(
            "cache", enabled=True, passwords=[f"+{NEW}"], keys=["*"], commands=["+@all"]
        )
        admin.acl_setuser("default", enabled=False)
        client = open_valkey(f"redis://cache@127.0.0.1:{port}/0?password_file={file}", timeout_s=5)
        assert await client.set("key", b"value")
        await client.aclose()
