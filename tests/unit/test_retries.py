"""One retry policy, whoever repeats the call: gRPC, the channel that signs, the sidecar."""

from aviary.tweet.v1 import tweet_service_pb2

from gateway import sidecar
from services.platform.rpc.channels import service_config
from services.platform.rpc.retries import FIRST_BACKOFF_S, MAX_ATTEMPTS, MAX_BACKOFF_S


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_grpc_and_the_sidecar_retry_alike() -> None:
    service = tweet_service_pb2.DESCRIPTOR.services_by_name["TweetService"]
    policy = service_config([service])["methodConfig"][0]["retryPolicy"]
    assert (policy["maxAttempts"], seconds(policy["initialBackoff"])) == (3, FIRST_BACKOFF_S)

    bootstrap = sidecar.bootstrap(sidecar.deployed()["timeline"])
    (listener,) = (
        each for each in bootstrap["static_resources"]["listeners"] if each["name"] == "outbound"
    )
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    retried = [one["route"]["retry_policy"] for one in routes if "retry_policy" in one["route"]]
    repeated = [one for one in retried if one.get("num_retries")]
    assert repeated
    for one in repeated:
        assert one["num_retries"] == MAX_ATTEMPTS - 1
        backoff = one["retry_back_off"]
        assert seconds(backoff["base_interval"]) == FIRST_BACKOFF_S
        assert seconds(backoff["max_interval"]) == MAX_BACKOFF_S
