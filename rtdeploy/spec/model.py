"""What rtdeploy.yaml says, as data: every section, every target kind, every default."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from rtdeploy.endpoint import Protocol
from rtdeploy.spec.metadata import Existing, Words
from rtdeploy.spec.units import Duration, Positive, Rate, Ratio, Size

__all__ = [
    "AzureMlTarget",
    "Batch",
    "Breaker",
    "Budget",
    "DatabricksTarget",
    "DockerTarget",
    "ExternalTarget",
    "Fallback",
    "KserveTarget",
    "Load",
    "Measured",
    "Model",
    "ProcessTarget",
    "SagemakerTarget",
    "Scale",
    "Schedule",
    "Section",
    "Serve",
    "Serverless",
    "Shape",
    "Spec",
    "Target",
    "TargetBase",
    "Trace",
]

Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    Words(text="lower-case letters, digits and dashes, at most 63, with a letter or digit at both ends"),
]
Text = Annotated[str, Field(min_length=1), Words(text="text")]
Count = Annotated[int, Field(ge=1, strict=True)]
Port = Annotated[int, Field(ge=0, le=65535, strict=True)]
Gpus = Annotated[int, Field(ge=0, strict=True)]
Cpus = Annotated[float, Field(gt=0)]
Time = Annotated[Duration, Positive()]
Frequency = Annotated[Rate, Positive()]
Bytes = Annotated[Size, Positive()]
DataFile = Annotated[PurePosixPath, Existing(kind="file")]
Callable = Annotated[
    str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"), Words(text='"module:name", like "scorer:Scorer"')
]
Variable = Annotated[
    str,
    Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Words(text="the name of an environment variable: letters, digits and underscores, no digit first"),
]
Cron = Annotated[
    str,
    Field(pattern=r"^\s*[0-9A-Za-z*,/?#-]+(\s+[0-9A-Za-z*,/?#-]+){4}\s*$"),
    Words(text='five fields (minute, hour, day, month, weekday), like "0 8 * * 1-5"'),
]
CatalogName = Annotated[
    str, Field(pattern=r"^[^.\s]+\.[^.\s]+\.[^.\s]+$"), Words(text="catalog.schema.model, like main.ml.fraud_scorer")
]


class Section(BaseModel):
    """One mapping in the file: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True, defer_build=True
    )


class Model(Section):
    """The trained model and what describes it: either `path` or `python`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["path"]}, {"required": ["python"]}],
            "dependentRequired": {"python": ["sample"]},
        }
    )

    path: Annotated[PurePosixPath | None, Existing(kind="file or directory")] = None
    """ONNX, skops, joblib or pickle, XGBoost, LightGBM, or an MLflow directory."""
    python: Callable | None = None
    """A class with `load` and `predict`, as `module:Class`; the module lies beside the file. Needs `sample`."""
    sample: Annotated[PurePosixPath | None, Existing(kind="file")] = None
    """One request: in Open Inference form, or rows as JSON or CSV. Signature, smoke test and load come from it."""
    reference: Annotated[PurePosixPath | None, Existing(kind="file")] = None
    """The distribution that drift is judged against."""
    trust: bool = False
    """Load formats that can run code (joblib, pickle), and skops types that are not known to be harmless."""


class Budget(Section):
    """What the endpoint must hold; latencies run from the scheduled start of a request to its last byte.

    Without any percentile only errors (and throughput, where declared) are judged.
    """

    p50: Time | None = None
    """Half of the requests are faster."""
    p90: Time | None = None
    """90 of 100 requests are faster."""
    p95: Time | None = None
    """95 of 100 requests are faster."""
    p99: Time | None = None
    """99 of 100 requests are faster."""
    p999: Annotated[Time | None, Field(alias="p99.9")] = None
    """999 of 1,000 requests are faster."""
    errors: Ratio = Ratio(0.001)
    """Share of requests that may fail; a failed request is also slower than every latency budget."""
    throughput: Frequency | None = None
    """Successful answers per second."""


class Batch(Section):
    """Requests that wait are predicted together."""

    max_size: Count = 16
    """Rows that one prediction takes at most."""
    max_wait: Duration = Duration(0)
    """How long the first request of a batch may wait for others; 0s takes what is there. Less than `serve.timeout`."""


class Breaker(Section):
    """After so many failures in a row the model is left alone for a while."""

    failures: Count = 5
    """Failed predictions in a row that open it."""
    reset: Time = Duration(10)
    """How long it stays open before one request tries again."""


class Fallback(Section):
    """The answer while the model cannot give one: either a fixed `value` per output, or a `python` rule."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["value"]}, {"required": ["python"]}]},
    )

    value: Annotated[dict[str, Any] | None, Field(min_length=1)] = None
    """Output name to value."""
    python: Callable | None = None
    """A function of the inputs, as `module:function`; the module lies beside the file."""


class Serve(Section):
    """How the runtime treats a request."""

    timeout: Time = Duration(60)
    """A request that waited this long is not computed any more."""
    concurrency: Count | Literal["auto"] = "auto"
    """Predictions that run at the same time; `auto` times the model and decides."""
    batch: Batch | None = None
    """Requests that wait are predicted together; off where the section is missing."""
    queue: Count = 64
    """Requests that may wait; one more is refused at once with 503."""
    fallback: Fallback | None = None
    """The answer while the model cannot give one; an error where the section is missing."""
    breaker: Breaker | None = None
    """Stops calling a model that keeps failing; off where the section is missing."""


class Trace(Section):
    """Arrivals recorded elsewhere."""

    trace: DataFile
    """A CSV file whose first column is seconds from the start."""


class Shape(Section):
    """A rate that changes over the run."""

    shape: Literal["spike", "step", "ramp", "soak"]
    """How it changes, relative to `load.rate`."""


class Load(Section):
    """What the bench sends."""

    rate: Frequency = Rate(100)
    """Requests that are offered per second, whether or not the earlier ones are answered."""
    arrivals: Literal["constant", "poisson"] | Trace | Shape = "poisson"
    """When requests start: evenly, at random as independent users do, recorded, or at a changing rate."""
    duration: Time = Duration(60)
    """How long is measured."""
    warmup: Duration = Duration(10)
    """How long before that requests are sent without being measured."""
    payloads: Annotated[PurePosixPath | None, Existing(kind="file")] = None
    """JSON Lines, one request body a line; without it every request is the sample."""
    protocol: Protocol = Protocol.REST
    """How a request travels."""


class Schedule(Section):
    """A scheduled change of the replica bounds."""

    cron: Cron
    """When: minute, hour, day, month, weekday."""
    min: Annotated[int, Field(ge=0, strict=True)]
    """Replicas at least, from then on."""
    max: Count | None = None
    """Replicas at most, from then on."""
    timezone: Text = "UTC"
    """In which `cron` is read, like Europe/Vienna."""


class Scale(Section):
    """Replicas, and what makes them more or fewer."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {"metric": ["target"]},
            "allOf": [
                {
                    "if": {"required": ["metric"], "properties": {"metric": {"enum": ["rate", "rps"]}}},
                    "then": {"properties": {"target": {"type": "string"}}},
                },
                {
                    "if": {
                        "required": ["metric"],
                        "properties": {"metric": {"enum": ["concurrency", "cpu", "memory"]}},
                    },
                    "then": {"properties": {"target": {"not": {"type": "string", "pattern": "/[smh]"}}}},
                },
                {
                    "if": {"required": ["target"], "properties": {"target": {"type": "number"}}},
                    "then": {"required": ["metric"]},
                },
            ],
        }
    )

    min: Annotated[int, Field(ge=0, strict=True)] = 1
    """Replicas at least; 0 lets the endpoint sleep where the platform can."""
    max: Count | None = None
    """Replicas at most; as many as `min` where it is missing."""
    metric: Literal["rate", "concurrency", "rps", "cpu", "memory"] | None = None
    """What is watched; a `target` that is a rate needs no metric."""
    target: Frequency | Annotated[float, Field(gt=0)] | None = None
    """What one replica shall bear: a rate like 70/s, or a number in units of the metric."""
    out_cooldown: Duration = Duration(60)
    """How long after adding replicas before more are added."""
    in_cooldown: Duration = Duration(300)
    """How long after a change before replicas are removed."""
    schedule: tuple[Schedule, ...] = ()
    """Bounds that change by the clock."""


class TargetBase(Section):
    """What every target may say."""

    environment: dict[Variable, SecretStr] = {}
    """Variables for the server. A value may be `secret://NAME`: looked up where the server starts, never stored."""
    protocol: Protocol = Protocol.REST
    """How requests travel to this target."""
    ttl: Time | None = None
    """The endpoint is removed after this time."""


class ProcessTarget(TargetBase):
    """The runtime as a supervised process on this machine."""

    provider: Literal["process"]
    """Which platform."""
    host: Text = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines in."""
    port: Port = 0
    """Port to listen on; 0 takes a free one and keeps it."""
    replicas: Count = 1
    """Server processes behind the port."""
    startup_timeout: Time = Duration(60)
    """A server that is not ready by then has failed."""
    drain_timeout: Time = Duration(30)
    """How long a server that goes away may finish what it has begun."""


class DockerTarget(TargetBase):
    """A container on a Docker or Podman engine."""

    provider: Literal["docker"]
    """Which platform."""
    gpus: Gpus | Literal["all"] = 0
    """GPUs of the container."""
    cpus: Cpus | None = None
    """CPU cores of the container; no limit where it is missing."""
    memory: Bytes | None = None
    """Memory of the container; no limit where it is missing."""
    host: Text = "127.0.0.1"
    """Address to publish the port on."""
    port: Port = 0
    """Port to publish; 0 takes a free one and keeps it."""
    replicas: Count = 1
    """Containers behind the port."""
    restart: Literal["no", "on-failure", "always", "unless-stopped"] = "unless-stopped"
    """When the engine starts a container again."""
    base_image: Text | None = None
    """Image to build on."""
    index: Text | None = None
    """Package index for the build."""


class Serverless(Section):
    """SageMaker serverless inference."""

    memory: Bytes
    """Memory of one instance."""
    concurrency: Count
    """Requests at the same time."""


class SagemakerTarget(TargetBase):
    """A real-time endpoint on Amazon SageMaker: either `instance` or `serverless`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["instance"]}, {"required": ["serverless"]}],
            "not": {"required": ["serverless", "scale"]},
            "dependentRequired": {"subnets": ["security_groups"], "security_groups": ["subnets"]},
        }
    )

    provider: Literal["sagemaker"]
    """Which platform."""
    region: Text
    """AWS region, like eu-west-1."""
    role: Text
    """ARN of the execution role."""
    instance: Text | None = None
    """Instance type, like ml.c7i.large."""
    serverless: Serverless | None = None
    """No instances of one's own: paid by the request."""
    image: Text | None = None
    """Container image in ECR; built and pushed where it is missing."""
    scale: Scale = Scale()
    """Replicas, and what makes them more or fewer."""
    subnets: tuple[Text, ...] = ()
    """Subnets of the VPC; together with `security_groups`."""
    security_groups: tuple[Text, ...] = ()
    """Security groups of the VPC; together with `subnets`."""
    network_isolation: bool = False
    """No network access from inside the container."""


class AzureMlTarget(TargetBase):
    """A managed online endpoint on Azure Machine Learning."""

    provider: Literal["azureml"]
    """Which platform."""
    subscription: Text
    """Subscription id."""
    resource_group: Text
    """Resource group of the workspace."""
    workspace: Text
    """Machine Learning workspace."""
    instance: Text
    """VM size, like Standard_F4s_v2."""
    image: Text | None = None
    """Container image; built and pushed where it is missing."""
    scale: Scale = Scale()
    """Replicas, and what makes them more or fewer."""
    public: bool = True
    """Reachable from the public network."""


class DatabricksTarget(TargetBase):
    """Mosaic AI Model Serving."""

    provider: Literal["databricks"]
    """Which platform."""
    model: CatalogName
    """Name in Unity Catalog."""
    workload: Text = "CPU Small"
    """Kind and size of the workload, like CPU Small or GPU_SMALL Small."""
    scale: Scale = Scale(min=0)
    """Replicas, and what makes them more or fewer; without the section `min` is 0."""
    route_optimized: bool = False
    """The faster network path; cannot be changed later."""
    host: Text | None = None
    """URL of the workspace; without it the SDK's own configuration decides."""


class KserveTarget(TargetBase):
    """An InferenceService on Kubernetes."""

    provider: Literal["kserve"]
    """Which platform."""
    namespace: Name = "default"
    """Namespace of the service."""
    context: Text | None = None
    """Context of the kubeconfig; the current one where it is missing."""
    image: Text | None = None
    """Container image; built and pushed where it is missing."""
    cpus: Cpus | None = None
    """CPU cores of one replica."""
    memory: Bytes | None = None
    """Memory of one replica."""
    gpus: Gpus = 0
    """GPUs of one replica."""
    scale: Scale = Scale()
    """Replicas, and what makes them more or fewer."""


class ExternalTarget(TargetBase):
    """A target of a provider from another package, which says what its other keys mean."""

    model_config = ConfigDict(extra="allow")

    provider: str
    """Name of its entry point in the group `rtdeploy.providers`."""


Target = (
    ProcessTarget | DockerTarget | SagemakerTarget | AzureMlTarget | DatabricksTarget | KserveTarget | ExternalTarget
)


class Measured(Section):
    """What `bench --url` needs of the file."""

    budget: Budget = Budget()
    serve: Serve = Serve()
    load: Load = Load()


class Spec(Section):
    """What to serve, how fast it must be, and where it goes."""

    name: Name
    """Name of the project and of the model in URLs; every resource bears it."""
    model: Model
    """The trained model and what describes it."""
    budget: Budget = Budget()
    """What the endpoint must hold."""
    serve: Serve = Serve()
    """How the runtime treats a request."""
    load: Load = Load()
    """What the bench sends."""
    targets: Annotated[dict[Name, Target], Field(min_length=1)]
    """Where the model is served: a name of your own for each, and what its provider needs."""
