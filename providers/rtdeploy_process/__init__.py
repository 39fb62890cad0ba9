"""The runtime as a supervised process on this machine."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtdeploy.deploy.contract import Context
    from rtdeploy_process.provider import ProcessProvider

__all__ = ["connect"]


def connect(context: "Context") -> "ProcessProvider":
    """Connect to this machine; needs nothing, and starts nothing before the first ``create``."""
    from rtdeploy_process.provider import ProcessProvider

    return ProcessProvider(context)
