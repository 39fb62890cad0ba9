"""One server from start to end: listen, load, answer, drain."""

import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

from rtdeploy import bundle as bundles
from rtdeploy.bundle import Bundle
from rtdeploy.errors import QuotaError, RtdeployError, UsageError
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
from rtdeploy.runtime.workers import PARENT, supervise

__all__ = ["serve"]

_JOIN_S = 0.5
_LOOK_S = 1.0


def serve(settings: ServerSettings) -> int:
    """Serve a bundle until SIGTERM or SIGINT, then drain; the exit status.

    Where the model is still loading, or hangs, when everything else has ended, the process ends here and now: threads
    inside a library cannot be stopped, and an interpreter that ends around them may crash.

    Raises:
        RtdeployError: the bundle cannot be read or loaded, or the port cannot be had.

    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if settings.workers > 1:
        return supervise(settings)
    import uvloop

    before = set(threading.enumerate())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_serve(settings))
    for thread in set(threading.enumerate()) - before:
        if thread.daemon:
            thread.join(_JOIN_S)
            if thread.is_alive():
                sys.stderr.flush()
                os._exit(code)
    return code


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


async def _serve(settings: ServerSettings) -> int:
    app = App(
        largest_body=settings.largest_body,
        body_timeout_s=settings.body_timeout_s,
        version=settings.version,
        metrics=Metrics(),
    )
    listener = Listener(app, settings)
    stop = _Stop(asyncio.Event(), settings.drain_s)
    _heed_signals(stop, settings.drain_s)
    control = None if settings.control_fd is None else _control(settings.control_fd, app, listener, stop)
    watching = asyncio.ensure_future(_watch_parent(stop, settings.drain_s))
    try:
        return await _until_stopped(settings, app, listener, control, stop)
    except RtdeployError as error:
        if control is None:
            raise
        control.fail(error)
        _say(" ".join(filter(None, (error.summary, error.detail, error.remedy))))
        return ExitCode.FAILED
    finally:
        watching.cancel()
        listener.close()
        if app.core is not None:
            app.core.close()


def _control(descriptor: int, app: App, listener: Listener, stop: _Stop) -> Control:
    try:
        return Control(descriptor, app, listener, stop.ask)
    except OSError as error:
        raise UsageError(
            f"--control-fd {descriptor} is not an inherited socket.", remedy="Leave it out.", detail=str(error)
        ) from error


async def _until_stopped(
    settings: ServerSettings, app: App, listener: Listener, control: Control | None, stop: _Stop
) -> int:
    how = ServeSettings.read()
    bundle = bundles.read(settings.bundle)
    install(app, bundle)
    if control is None:
        await _listen(settings, listener)
    else:
        control.say(event="loading")
    loading = _loading(bundle, how)
    stopping = asyncio.ensure_future(stop.asked.wait())
    await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
    obeying = None
    if loading.done():
        _begin(app, bundle, how, loading.result())
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


def _loading(bundle: Bundle, how: ServeSettings) -> "asyncio.Future[Loaded]":
    """Load in a thread that nobody has to wait for: a server that is told to stop while it loads stops."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Loaded] = loop.create_future()

    def settle(loaded: Loaded | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        elif loaded is not None:
            future.set_result(loaded)

    def work() -> None:
        loaded, failure = None, None
        try:
            loaded = load(bundle, how)
        except BaseException as error:  # noqa: BLE001 - raised where the future is awaited
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, loaded, failure)

    threading.Thread(target=work, name="loading", daemon=True).start()
    return future


def _begin(app: App, bundle: Bundle, how: ServeSettings, loaded: Loaded) -> None:
    app.core = Core(loaded.model, how, loaded.fallback, loaded.warm, app.metrics)
    where = "on the event loop" if isinstance(app.core.lane, Inline) else "in threads"
    _say(
        f"{bundle.name} ({bundle.flavour}, {bundle.digest[:19]}) is ready: {loaded.warm.median_s * 1e6:.0f} µs a call, "
        f"called {where}; {loaded.threads} core(s), pid {os.getpid()}"
    )


async def _listen(settings: ServerSettings, listener: Listener) -> None:
    try:
        sock = bind(settings.host, settings.port, shared=PARENT in os.environ)
    except OSError as error:
        raise QuotaError(
            f"Cannot listen on {settings.host}:{settings.port}.",
            remedy="Name another --port, or 0 for any that is free.",
            detail=str(error),
        ) from error
    await listener.add({0: sock})
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _say(f"listening on http://{host}:{sock.getsockname()[1]}")


async def _watch_parent(stop: _Stop, drain_s: float) -> None:
    """A worker whose supervisor was killed would keep the port for ever."""
    if PARENT in os.environ:
        while str(os.getppid()) == os.environ[PARENT]:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_LOOK_S)
        stop.ask(drain_s)


def _heed_signals(stop: _Stop, drain_s: float) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask, drain_s)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the log of a server is its standard error
