"""One server from start to end: listen, load, answer, drain."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass

from rtdeploy import bundle as bundles
from rtdeploy.bundle import Bundle
from rtdeploy.errors import QuotaError, RtdeployError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.runtime.app import App
from rtdeploy.runtime.control import Control
from rtdeploy.runtime.core import Core
from rtdeploy.runtime.lane import Inline
from rtdeploy.runtime.listener import Listener, bind
from rtdeploy.runtime.loading import Loaded, load
from rtdeploy.runtime.metrics import Metrics
from rtdeploy.runtime.routes import install
from rtdeploy.runtime.settings import ServerSettings, ServeSettings

__all__ = ["serve"]


def serve(settings: ServerSettings) -> int:
    """Serve a bundle until SIGTERM or SIGINT, then drain; the exit status.

    Raises:
        RtdeployError: the bundle cannot be read or loaded, or the port cannot be had.

    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if settings.workers > 1:
        from rtdeploy.runtime.workers import supervise

        return supervise(settings)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, ServeSettings.read()))


@dataclass(slots=True)
class _Stop:
    """Set once; the first to ask for a stop says how long it may take."""

    asked: asyncio.Event
    timeout_s: float

    def ask(self, timeout_s: float) -> None:
        """Begin to drain."""
        if not self.asked.is_set():
            self.timeout_s = timeout_s
            self.asked.set()


async def _serve(settings: ServerSettings, how: ServeSettings) -> int:
    app = App(
        largest_body=settings.largest_body,
        body_timeout_s=settings.body_timeout_s,
        version=settings.version,
        metrics=Metrics(),
    )
    listener = Listener(app, idle_s=settings.idle_s)
    stop = _Stop(asyncio.Event(), settings.drain_s)
    _heed_signals(stop, settings.drain_s)
    control = None if settings.control_fd is None else Control(settings.control_fd, app, listener, stop.ask)
    try:
        return await _until_stopped(settings, how, app, listener, control, stop)
    except RtdeployError as error:
        if control is None:
            raise
        control.fail(error)
        _say(f"{error.summary} {error.detail} {error.remedy}")
        return ExitCode.FAILED
    finally:
        listener.close()
        if app.core is not None:
            app.core.close()


async def _until_stopped(
    settings: ServerSettings,
    how: ServeSettings,
    app: App,
    listener: Listener,
    control: Control | None,
    stop: _Stop,
) -> int:
    bundle = bundles.read(settings.bundle)
    install(app, bundle)
    if control is None:
        await _listen(settings, listener)
    else:
        control.say(event="loading")
    loading = asyncio.ensure_future(asyncio.to_thread(load, bundle, how))
    stopping = asyncio.ensure_future(stop.asked.wait())
    await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        return ExitCode.OK
    _begin(app, bundle, how, loading.result())
    obeying = None
    if control is not None:
        control.say(event="ready", pid=os.getpid())
        obeying = asyncio.ensure_future(control.obey())
    await stopping
    clean = await listener.drain(stop.timeout_s)
    _say("drained" if clean else f"stopped with {listener.connections} connections open: drain timeout")
    if control is not None:
        control.say(event="drained")
    if obeying is not None:
        obeying.cancel()
        with suppress(asyncio.CancelledError):
            await obeying
    return ExitCode.OK


def _begin(app: App, bundle: Bundle, how: ServeSettings, loaded: Loaded) -> None:
    app.core = Core(loaded.model, how, loaded.fallback, loaded.warm, app.metrics)
    where = "on the event loop" if isinstance(app.core.lane, Inline) else "in threads"
    _say(
        f"{bundle.name} ({bundle.flavour}, {bundle.digest[:19]}) is ready: {loaded.warm.median_s * 1e6:.0f} µs a call, "
        f"called {where}; {loaded.threads} core(s), pid {os.getpid()}"
    )


async def _listen(settings: ServerSettings, listener: Listener) -> None:
    shared = "RTDEPLOY_SHARED_PORT" in os.environ
    try:
        sock = bind(settings.host, settings.port, shared=shared)
    except OSError as error:
        raise QuotaError(
            f"Cannot listen on {settings.host}:{settings.port}.",
            remedy="Name another --port, or 0 for any that is free.",
            detail=str(error),
        ) from error
    await listener.add({0: sock})
    _say(f"listening on http://{settings.host}:{sock.getsockname()[1]}")


def _heed_signals(stop: _Stop, drain_s: float) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask, drain_s)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the log of a server is its standard error
