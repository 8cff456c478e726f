"""What gRPC is told of every server of Aviary's: sizes, ages and pings."""

from services.platform.rpc.request_sizes import MAX_STREAMED_BYTES

__all__ = ["OPTIONS", "TLS_OPTIONS"]

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Of a response, as siblings take it. Requests are far smaller: see `request_sizes`."""

MIN_CLIENT_PING_INTERVAL_MS = 10_000
"""A client may ping this often to find a dead connection; more often, it is sent away."""

MAX_CONNECTION_AGE_MS = 3_600_000
"""Under TLS, a peer shows its certificate anew this often: whoever may no longer connect is gone
within the hour. (gRPC announces it to the peer, and lets calls end.)"""

MAX_CONNECTION_GRACE_MS = 60_000
"""As long as a stream may take."""

MAX_METADATA_BYTES = 32 * 1024
"""Of a call. The edge takes 16 KiB of headers, of 64 names that gRPC counts 32 bytes more each for,
and adds its own. By default gRPC refuses more than 8 KiB, by chance, in words of its own."""

OPTIONS: tuple[tuple[str, int], ...] = (
    # gRPC counts what it has decompressed, too.
    ("grpc.max_receive_message_length", MAX_STREAMED_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", MIN_CLIENT_PING_INTERVAL_MS),
    # Off, or a second process would share the port in silence and take half of the calls.
    ("grpc.so_reuseport", 0),
)

TLS_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_MS),
    ("grpc.max_connection_age_grace_ms", MAX_CONNECTION_GRACE_MS),
)
