"""Locust as its documentation has it: users that each keep a constant throughput."""

import os

from locust import FastHttpUser, constant_throughput, task


class Caller(FastHttpUser):
    wait_time = constant_throughput(float(os.environ["RULER_RATE_PER_USER"]))

    @task
    def call(self) -> None:
        self.client.post("/", data=os.environ["RULER_BODY"], headers={"content-type": "application/json"})
