"""What Locust runs: one user per process, whose only task is the whole schedule.

As a worker of ``rtdeploy bench`` it gets its job over the socket that RTDEPLOY_LOAD_FD names. By hand it is an
ordinary locustfile with an open loop, statistics and the web UI of Locust::

    locust -f locustfile.py --headless --host http://127.0.0.1:8080/v2/models/m/infer --rate 200 --seconds 30 --body f
"""

import gc
import os
import random
import resource
import time
from pathlib import Path
from typing import Any

import gevent
from locust import User, events, task
from locust.exception import StopUser

from rtdeploy_loadtests.address import address_of
from rtdeploy_loadtests.channel import Channel, Job
from rtdeploy_loadtests.columns import Columns, anonymous, mapped
from rtdeploy_loadtests.open_loop import OpenLoop, Plan
from rtdeploy_loadtests.outcome import PENDING, Outcome
from rtdeploy_loadtests.request import post

_DESCRIPTOR = os.environ.get("RTDEPLOY_LOAD_FD")
_TIMEOUT_S = 10.0
_BOUND = 4096


def _options(parser: Any) -> None:
    parser.add_argument("--rate", type=float, default=100.0, help="Requests per second, Poisson arrivals")
    parser.add_argument("--seconds", type=float, default=30.0, help="How long")
    parser.add_argument("--body", default="", help="File with the request body")


events.init_command_line_parser.add_listener(_options)  # type: ignore[no-untyped-call]


class OpenLoopUser(User):
    """The generator: takes part in Locust as a single user that never waits for an answer."""

    @task
    def drive(self) -> None:
        """Run the schedule once, then end the whole test."""
        try:
            if _DESCRIPTOR is not None:
                _work(Channel(int(_DESCRIPTOR)))
            else:
                _by_hand(self.environment)
        finally:  # Locust would call a task that failed again and again
            gevent.spawn(self.environment.runner.quit)
        raise StopUser


def _work(channel: Channel) -> None:
    """Do one job of the bench."""
    job = channel.job()
    try:
        loop = OpenLoop(_plan(job), mapped(Path(job.columns), job.layout, job.rows), gevent.get_hub().loop)
        loop.prepare()
    except (OSError, ValueError) as error:
        channel.say(failed=f"{address_of(job.url).host}: {error}")
        return

    def hear(message: dict[str, Any]) -> None:
        if "start" in message:
            loop.start(message["start"])
        elif "stop" in message:
            loop.stop(message["stop"])

    gevent.spawn(channel.listen, hear, _orphaned)
    _freeze()
    channel.say(outcomes={str(outcome.value): outcome.name.lower() for outcome in Outcome}, pending=PENDING)
    watch = gevent.spawn(_watch_cpu, channel)
    loop.over.wait()
    watch.kill()
    loop.close()
    channel.say(over=True)


def _by_hand(environment: Any) -> None:
    """Do what the options say, and let Locust's statistics see it."""
    options = environment.parsed_options
    body = Path(options.body).read_bytes() if options.body else b"{}"
    times = [0.0]
    while times[-1] < options.seconds:
        times.append(times[-1] + random.expovariate(options.rate))
    columns = anonymous(len(times) - 1)
    for row, seconds in enumerate(times[:-1]):
        columns.scheduled[row], columns.outcome[row] = seconds, PENDING
    plan = Plan(
        requests=[post(environment.host, body, {"Content-Type": "application/json"})],
        address=address_of(environment.host),
        timeout_s=_TIMEOUT_S,
        connections=_connections(options.rate),
        bound=_BOUND,
    )
    loop = OpenLoop(plan, columns, gevent.get_hub().loop)
    loop.prepare()
    loop.start(time.monotonic())
    tell = gevent.spawn(_tell_locust, environment, columns)
    loop.over.wait()
    tell.join()
    loop.close()


def _tell_locust(environment: Any, columns: Columns) -> None:
    """Report what has finished, in order, a little at a time: Locust's statistics cost more than a request."""
    row = 0
    while row < len(columns):
        gevent.sleep(0.05)
        for _ in range(20):
            if row == len(columns) or columns.outcome[row] == PENDING:
                break
            outcome = columns.outcome[row]
            environment.events.request.fire(
                request_type="POST",
                name=environment.host,
                response_time=(columns.done[row] - columns.scheduled[row]) * 1e3 if outcome == Outcome.OK else None,
                response_length=0,
                exception=None if outcome == Outcome.OK else RuntimeError(_name(outcome)),
                context={},
            )
            row += 1


def _name(outcome: int) -> str:
    return f"http_{outcome}" if outcome not in set(Outcome) else Outcome(outcome).name.lower()


def _plan(job: Job) -> Plan:
    return Plan(
        requests=[post(job.url, body, job.headers) for body in job.bodies],
        address=address_of(job.url),
        timeout_s=job.timeout_s,
        connections=job.connections,
        bound=min(job.bound, _descriptors() - 64),
    )


def _connections(rate: float) -> int:
    return min(64, max(4, int(rate * 0.02)))


def _descriptors() -> int:
    """Raise the limit of open files as far as it goes."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return _BOUND if now == resource.RLIM_INFINITY else now
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _freeze() -> None:
    """Take all that lives by now out of the collector's sight: its pauses would be read as latency."""
    gc.collect()
    gc.freeze()


def _watch_cpu(channel: Channel) -> None:
    """Tell every second which share of a core this process took."""
    before, cpu_before = time.monotonic(), time.process_time()
    while True:
        gevent.sleep(1)
        now, cpu = time.monotonic(), time.process_time()
        channel.say(cpu=(cpu - cpu_before) / (now - before), at=now)
        before, cpu_before = now, cpu


def _orphaned() -> None:
    """Nobody looks at this load any more."""
    os._exit(70)
