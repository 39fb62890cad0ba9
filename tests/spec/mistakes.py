"""Files with one mistake each: what a user reads, and whether the schema can tell."""

from dataclasses import dataclass

BASE = """\
name: fraud
model: {{path: model.onnx}}
{more}
targets:
  local: {local}
"""


@dataclass(frozen=True)
class Mistake:
    name: str
    text: str
    told: str
    schema: bool = True
    """Whether a JSON Schema can express it."""


def section(name: str, more: str, told: str, *, schema: bool = True) -> Mistake:
    return Mistake(name, BASE.format(more=more, local="{provider: process}"), told, schema)


def target(name: str, local: str, told: str, *, schema: bool = True) -> Mistake:
    return Mistake(name, BASE.format(more="# nothing", local=local), told, schema)


AWS = "provider: sagemaker, region: eu-west-1, role: arn"

MISTAKES = [
    Mistake(
        "no name",
        "model: {path: model.onnx}\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:1:1 name: is missing: lower-case letters, digits and dashes, at most 63, "
        "with a letter or digit at both ends",
    ),
    Mistake(
        "a name in capitals",
        "name: Fraud\nmodel: {path: model.onnx}\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:1:7 name: must be lower-case letters, digits and dashes, at most 63, "
        "with a letter or digit at both ends; it is Fraud",
    ),
    Mistake(
        "neither path nor python",
        "name: fraud\nmodel: {sample: sample.json}\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:2:1 model: needs path or python",
    ),
    Mistake(
        "both path and python",
        'name: fraud\nmodel: {path: model.onnx, python: "a:B", sample: sample.json}\n'
        "targets: {local: {provider: process}}\n",
        "rtdeploy.yaml:2:35 model.python: either path or python, not both",
    ),
    Mistake(
        "python without a sample",
        'name: fraud\nmodel: {python: "a:B"}\ntargets: {local: {provider: process}}\n',
        "rtdeploy.yaml:2:1 model: needs sample: the inputs and outputs of a Python class are known "
        "from one request only",
    ),
    Mistake(
        "python that is no class",
        'name: fraud\nmodel: {python: "a.py", sample: sample.json}\ntargets: {local: {provider: process}}\n',
        'rtdeploy.yaml:2:17 model.python: must be "module:name", like "scorer:Scorer"; it is \'a.py\'',
    ),
    Mistake(
        "a model that is not there",
        "name: fraud\nmodel: {path: modle.onnx}\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:2:15 model.path: modle.onnx does not exist, did you mean model.onnx?",
        schema=False,
    ),
    Mistake(
        "a sample that is a directory",
        "name: fraud\nmodel: {path: model.onnx, sample: .}\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:2:35 model.sample: . is a directory, not a file",
        schema=False,
    ),
    Mistake(
        "a model without a section",
        "name: fraud\nmodel:\ntargets: {local: {provider: process}}\n",
        "rtdeploy.yaml:2:1 model: needs path or python",
    ),
    Mistake(
        "no targets",
        "name: fraud\nmodel: {path: model.onnx}\ntargets: {}\n",
        "rtdeploy.yaml:3:1 targets: is empty: needs at least one",
    ),
    Mistake(
        "a target's name with an underscore",
        "name: fraud\nmodel: {path: model.onnx}\ntargets: {my_aws: {provider: process}}\n",
        "rtdeploy.yaml:3:11 targets.my_aws: the name must be lower-case letters, digits and dashes, at most 63, "
        "with a letter or digit at both ends",
    ),
    section("an unknown section", "budgt: {p99: 80ms}", "rtdeploy.yaml:3:1 budgt: unknown key, did you mean budget?"),
    section("a key of another section", "p99: 80ms", "rtdeploy.yaml:3:1 p99: unknown key, did you mean budget.p99?"),
    section(
        "a duration without its unit",
        "budget: {p99: 80}",
        "rtdeploy.yaml:3:15 budget.p99: must be a duration of more than 0: a number and its unit "
        "(us, ms, s, m, h, d), like 80ms; it is 80",
    ),
    section(
        "a latency of nothing",
        "budget: {p99: 0ms}",
        "rtdeploy.yaml:3:15 budget.p99: must be a duration of more than 0: a number and its unit "
        "(us, ms, s, m, h, d), like 80ms; it is 0ms",
    ),
    section(
        "percentiles that fall",
        "budget: {p99.9: 50ms, p95: 80ms}",
        "rtdeploy.yaml:3:17 budget.p99.9: p99.9 cannot be less than p95: 50ms is less than 80ms",
        schema=False,
    ),
    section("p999", "budget: {p999: 1s}", "rtdeploy.yaml:3:10 budget.p999: unknown key, did you mean p99.9?"),
    section(
        "more errors than requests",
        "budget: {errors: 101%}",
        "rtdeploy.yaml:3:18 budget.errors: must be a percentage from 0% to 100%, like 0.1%; it is 101%",
    ),
    section(
        "a share without its sign",
        "budget: {errors: 0.001}",
        "rtdeploy.yaml:3:18 budget.errors: must be a percentage from 0% to 100%, like 0.1%; it is 0.001",
    ),
    section(
        "a section that is a value",
        "budget: 80ms",
        "rtdeploy.yaml:3:9 budget: must be a section with keys; it is 80ms",
    ),
    section(
        "a section that is a list",
        "budget: [p99, 80ms]",
        "rtdeploy.yaml:3:9 budget: must be a section with keys; it is a list",
    ),
    section(
        "a value that is a section",
        "serve: {queue: {size: 3}}",
        "rtdeploy.yaml:3:16 serve.queue: must be a whole number of at least 1; it is a section with keys",
    ),
    section(
        "a key without a value",
        "serve: {queue: }",
        "rtdeploy.yaml:3:16 serve.queue: has no value: give it one, or take the key out",
    ),
    section(
        "a number in quotes",
        'serve: {queue: "64"}',
        "rtdeploy.yaml:3:16 serve.queue: must be a whole number of at least 1; it is '64'",
    ),
    section(
        "a number with a leading zero",
        "serve: {queue: 064}",
        "rtdeploy.yaml:3:16 serve.queue: must be a whole number of at least 1; it is 064",
    ),
    section(
        "a truth value where a number should be",
        "serve: {queue: true}",
        "rtdeploy.yaml:3:16 serve.queue: must be a whole number of at least 1; it is true",
    ),
    section(
        "a misspelt choice",
        "serve: {concurrency: atuo}",
        "rtdeploy.yaml:3:22 serve.concurrency: must be a whole number of at least 1 or auto; it is atuo, "
        "did you mean auto?",
    ),
    section(
        "a batch that waits too long",
        "serve: {timeout: 2ms, batch: {max_wait: 2ms}}",
        "rtdeploy.yaml:3:23 serve.batch: max_wait 2ms must be less than serve.timeout 2ms, or every request is late",
        schema=False,
    ),
    section(
        "a fallback of nothing", "serve: {fallback: {}}", "rtdeploy.yaml:3:9 serve.fallback: needs value or python"
    ),
    section(
        "two fallbacks",
        'serve: {fallback: {python: "a:b", value: {score: 1}}}',
        "rtdeploy.yaml:3:28 serve.fallback.python: either value or python, not both",
    ),
    section(
        "a fallback without outputs",
        "serve: {fallback: {value: {}}}",
        "rtdeploy.yaml:3:20 serve.fallback.value: is empty: needs at least one",
    ),
    section(
        "no load",
        "load: {rate: 0/s}",
        "rtdeploy.yaml:3:14 load.rate: must be a rate of more than 0: a number and its unit (/s, /m, /h), "
        "like 200/s; it is 0/s",
    ),
    section(
        "no time to measure",
        "load: {duration: 0s}",
        "rtdeploy.yaml:3:18 load.duration: must be a duration of more than 0: a number and its unit "
        "(us, ms, s, m, h, d), like 80ms; it is 0s",
    ),
    section(
        "unknown arrivals",
        "load: {arrivals: possion}",
        "rtdeploy.yaml:3:18 load.arrivals: must be one of constant, poisson or {trace: …} or {shape: …}; "
        "it is possion, did you mean poisson?",
    ),
    section(
        "a shape that there is not",
        "load: {arrivals: {shape: spiky}}",
        "rtdeploy.yaml:3:26 load.arrivals.shape: must be one of spike, step, ramp, soak; it is spiky, "
        "did you mean spike?",
    ),
    section(
        "payloads that are not there",
        "load: {payloads: payload.jsonl}",
        "rtdeploy.yaml:3:18 load.payloads: payload.jsonl does not exist, did you mean payloads.jsonl?",
        schema=False,
    ),
    section(
        "a trace that is not there",
        "load: {arrivals: {trace: none}}",
        "rtdeploy.yaml:3:26 load.arrivals.trace: none does not exist",
        schema=False,
    ),
    section(
        "a secret outside of an environment",
        "load: {payloads: secret://payloads}",
        "rtdeploy.yaml:3:18 load.payloads: secret:// is for values under a target's environment only",
    ),
    target(
        "no provider",
        "{port: 80}",
        "rtdeploy.yaml:5:3 targets.local.provider: is missing: one of process, docker, sagemaker, azureml, "
        "databricks, kserve",
    ),
    target(
        "a misspelt provider",
        "{provider: sagmaker}",
        "rtdeploy.yaml:5:21 targets.local.provider: unknown provider sagmaker, did you mean sagemaker?",
    ),
    target(
        "a provider that nobody knows",
        "{provider: heroku}",
        "rtdeploy.yaml:5:21 targets.local.provider: unknown provider heroku; there are process, docker, sagemaker, "
        "azureml, databricks, kserve",
    ),
    target(
        "a key of another provider",
        "{provider: docker, instance: x}",
        "rtdeploy.yaml:5:29 targets.local.instance: unknown key",
    ),
    target(
        "a misspelt key",
        "{provider: process, replica: 2}",
        "rtdeploy.yaml:5:30 targets.local.replica: unknown key, did you mean replicas?",
    ),
    target(
        "a port that there is not",
        "{provider: process, port: 65536}",
        "rtdeploy.yaml:5:36 targets.local.port: must be a whole number from 0 to 65535; it is 65536",
    ),
    target(
        "text that looks like a number",
        "{provider: process, host: 1.10}",
        "rtdeploy.yaml:5:36 targets.local.host: must be text; it is 1.10: put it in quotes",
    ),
    target(
        "text of nothing",
        '{provider: process, host: ""}',
        "rtdeploy.yaml:5:36 targets.local.host: is empty: give it a value, or take the key out",
    ),
    target(
        "a region that is missing",
        "{provider: sagemaker, role: arn, instance: ml.m5.large}",
        "rtdeploy.yaml:5:3 targets.local.region: is missing",
    ),
    target(
        "neither instance nor serverless", f"{{{AWS}}}", "rtdeploy.yaml:5:3 targets.local: needs instance or serverless"
    ),
    target(
        "both instance and serverless",
        f"{{{AWS}, instance: ml.m5.large, serverless: {{memory: 2GiB, concurrency: 5}}}}",
        "rtdeploy.yaml:5:85 targets.local.serverless: either instance or serverless, not both",
    ),
    target(
        "a serverless endpoint with replicas",
        f"{{{AWS}, serverless: {{memory: 2GiB, concurrency: 5}}, scale: {{min: 2}}}}",
        "rtdeploy.yaml:5:106 targets.local.scale: a serverless endpoint scales by itself: take scale out",
    ),
    target(
        "subnets without security groups",
        f"{{{AWS}, instance: x, subnets: [a]}}",
        "rtdeploy.yaml:5:75 targets.local.subnets: needs security_groups, too",
    ),
    target(
        "bounds that are crossed",
        "{provider: kserve, scale: {min: 3, max: 2}}",
        "rtdeploy.yaml:5:50 targets.local.scale.max: max 2 is less than min 3",
        schema=False,
    ),
    target(
        "a rate for a metric that counts",
        "{provider: kserve, scale: {metric: concurrency, target: 4/s}}",
        "rtdeploy.yaml:5:66 targets.local.scale.target: must be a number for the metric concurrency; 4/s is a rate",
    ),
    target(
        "a number for a rate",
        "{provider: kserve, scale: {metric: rate, target: 4}}",
        "rtdeploy.yaml:5:59 targets.local.scale.target: must be a rate for the metric rate, like 70/s",
    ),
    target(
        "a number of nothing",
        "{provider: kserve, scale: {target: 4}}",
        "rtdeploy.yaml:5:45 targets.local.scale.target: a number needs a metric to count (concurrency, cpu, memory); "
        "a rate is written like 70/s",
    ),
    target(
        "a metric without a target",
        "{provider: kserve, scale: {metric: cpu}}",
        "rtdeploy.yaml:5:45 targets.local.scale.metric: needs target: how much cpu one replica shall bear",
    ),
    target(
        "a schedule without five fields",
        '{provider: kserve, scale: {schedule: [{cron: "0 8", min: 1}]}}',
        "rtdeploy.yaml:5:55 targets.local.scale.schedule.0.cron: must be five fields "
        "(minute, hour, day, month, weekday), like \"0 8 * * 1-5\"; it is '0 8'",
    ),
    target(
        "a variable that cannot be",
        "{provider: process, environment: {1X: a}}",
        "rtdeploy.yaml:5:44 targets.local.environment.1X: the name must be the name of an environment variable: "
        "letters, digits and underscores, no digit first",
    ),
    target(
        "a variable of the runtime",
        "{provider: process, environment: {RTDEPLOY_SERVE: a}}",
        "rtdeploy.yaml:5:30 targets.local.environment: RTDEPLOY_SERVE: names that begin with RTDEPLOY_ are "
        "the runtime's own",
    ),
    target(
        "a secret that leads elsewhere",
        "{provider: process, environment: {KEY: secret://../key}}",
        "rtdeploy.yaml:5:49 targets.local.environment.KEY: a secret is secret://NAME: letters, digits, dots, dashes "
        "and underscores, / between parts",
    ),
    target(
        "a target without a value",
        "",
        "rtdeploy.yaml:5:9 targets.local: has no value: give it one, or take the key out",
    ),
    target("a target that is a value", "3", "rtdeploy.yaml:5:10 targets.local: must be {provider: …}; it is 3"),
]
