"""What this machine can do as a platform, and which settings it honours at which price."""

from collections.abc import Mapping
from types import MappingProxyType

from rtdeploy.deploy.contract import Effect, Feature, Support

__all__ = ["FEATURES", "FIELDS"]

FEATURES: Mapping[Feature, Support] = MappingProxyType(
    {
        Feature.CANARY: Support(available=True, note="by connections, in steps of 1 %"),
        Feature.MIRROR: Support(available=False, note="a process sees only the requests that it answers"),
        Feature.AUTOSCALING: Support(available=False, note="this machine does not grow; set replicas"),
        Feature.SCALE_TO_ZERO: Support(available=False, note="nothing would start the server for the first request"),
        Feature.SCHEDULED_SCALING: Support(available=False, note="this machine does not grow; set replicas"),
        Feature.GPU: Support(available=False, note="no GPU is reserved for a plain process; use provider: docker"),
        Feature.GRPC: Support(available=False, note="the runtime speaks REST here"),
        Feature.STREAMING: Support(available=False, note="the runtime speaks REST here"),
        Feature.LOGS: Support(available=True, note="the last 20 MiB"),
        Feature.METRICS: Support(available=True, note="/metrics, of the replica that answers"),
        Feature.PRIVATE_NETWORK: Support(available=False, note="host: 127.0.0.1 keeps it on this machine"),
        Feature.SECRETS: Support(available=True, note="secret://NAME is read from .rtdeploy/secrets/NAME (mode 0600)"),
        Feature.TTL: Support(available=True, note="counted from the last create or update"),
    }
)

FIELDS: Mapping[str, Effect] = MappingProxyType(
    {
        "drain_timeout_s": Effect.IN_PLACE,
        "host": Effect.OUTAGE,
        "port": Effect.OUTAGE,
        "protocol": Effect.REPLACE,
        "replicas": Effect.IN_PLACE,
        "startup_timeout_s": Effect.IN_PLACE,
        "ttl_s": Effect.IN_PLACE,
    }
)
"""The settings of a process target; every one of them is honoured."""
