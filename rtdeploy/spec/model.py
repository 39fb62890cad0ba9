"""What rtdeploy.yaml says, as data: every section, every target kind, every default."""

from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from rtdeploy.endpoint import Protocol
from rtdeploy.spec.units import Duration, Rate, Ratio, Size

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
    "Model",
    "ProcessTarget",
    "SagemakerTarget",
    "Scale",
    "Schedule",
    "Section",
    "Serve",
    "Shape",
    "Spec",
    "Target",
    "Trace",
]

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Count = Annotated[int, Field(ge=1, strict=True)]


class Section(BaseModel):
    """One mapping in the file: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Model(Section):
    """The trained model and what describes it."""

    path: PurePosixPath | None = None
    python: Annotated[str | None, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] = None
    sample: PurePosixPath | None = None
    reference: PurePosixPath | None = None
    trust: bool = False


class Budget(Section):
    """What the endpoint must hold; latencies run from the scheduled start of a request to its last byte."""

    p50: Duration | None = None
    p90: Duration | None = None
    p95: Duration | None = None
    p99: Duration | None = None
    p999: Annotated[Duration | None, Field(alias="p99.9")] = None
    errors: Ratio = Ratio(0.001)
    throughput: Rate | None = None


class Batch(Section):
    """Requests that wait are predicted together."""

    max_size: Count = 16
    max_wait: Duration = Duration(0)


class Breaker(Section):
    """After so many failures in a row the model is left alone for a while."""

    failures: Count = 5
    reset: Duration = Duration(10)


class Fallback(Section):
    """The answer while the model cannot give one: a fixed value per output, or a rule."""

    value: dict[str, Any] | None = None
    python: Annotated[str | None, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] = None


class Serve(Section):
    """How the runtime treats a request."""

    timeout: Duration = Duration(60)
    concurrency: Count | Literal["auto"] = "auto"
    batch: Batch | None = None
    queue: Count = 64
    fallback: Fallback | None = None
    breaker: Breaker | None = None


class Trace(Section):
    """Arrivals recorded elsewhere: a CSV file whose first column is seconds from the start."""

    trace: PurePosixPath


class Shape(Section):
    """A rate that changes over the run."""

    shape: Literal["spike", "step", "ramp", "soak"]


class Load(Section):
    """What the bench sends."""

    rate: Rate = Rate(100)
    arrivals: Literal["constant", "poisson"] | Trace | Shape = "poisson"
    duration: Duration = Duration(60)
    warmup: Duration = Duration(10)
    payloads: PurePosixPath | None = None
    protocol: Protocol = Protocol.REST


class Schedule(Section):
    """A scheduled change of the replica bounds; ``cron`` has five fields."""

    cron: str
    min: Annotated[int, Field(ge=0)]
    max: Count | None = None
    timezone: str = "UTC"


class Scale(Section):
    """Replicas, and what makes them more or fewer."""

    min: Annotated[int, Field(ge=0, strict=True)] = 1
    max: Count | None = None
    metric: Literal["rate", "concurrency", "rps", "cpu", "memory"] | None = None
    target: Rate | Annotated[float, Field(gt=0)] | None = None
    out_cooldown: Duration = Duration(60)
    in_cooldown: Duration = Duration(300)
    schedule: tuple[Schedule, ...] = ()


class TargetBase(Section):
    """What every target may say."""

    features: ClassVar[frozenset[str]] = frozenset()

    environment: dict[str, SecretStr] = {}
    protocol: Protocol = Protocol.REST
    ttl: Duration | None = None


class ProcessTarget(TargetBase):
    """The runtime as a supervised process on this machine."""

    provider: Literal["process"]
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 0
    replicas: Count = 1
    startup_timeout: Duration = Duration(60)
    drain_timeout: Duration = Duration(30)


class DockerTarget(TargetBase):
    """A container on a Docker or Podman engine."""

    provider: Literal["docker"]
    gpus: Annotated[int, Field(ge=0, strict=True)] | Literal["all"] = 0
    cpus: Annotated[float, Field(gt=0)] | None = None
    memory: Size | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 0
    replicas: Count = 1
    restart: Literal["no", "on-failure", "always", "unless-stopped"] = "unless-stopped"
    base_image: str | None = None
    index: str | None = None


class Serverless(Section):
    """SageMaker serverless inference."""

    memory: Size
    concurrency: Count


class SagemakerTarget(TargetBase):
    """A real-time endpoint on Amazon SageMaker."""

    provider: Literal["sagemaker"]
    region: str
    role: str
    instance: str | None = None
    serverless: Serverless | None = None
    image: str | None = None
    scale: Scale = Scale()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    network_isolation: bool = False


class AzureMlTarget(TargetBase):
    """A managed online endpoint on Azure Machine Learning."""

    provider: Literal["azureml"]
    subscription: str
    resource_group: str
    workspace: str
    instance: str
    image: str | None = None
    scale: Scale = Scale()
    public: bool = True


class DatabricksTarget(TargetBase):
    """Mosaic AI Model Serving."""

    provider: Literal["databricks"]
    model: Annotated[str, Field(pattern=r"^[^.\s]+\.[^.\s]+\.[^.\s]+$")]
    workload: str = "CPU Small"
    scale: Scale = Scale(min=0)
    route_optimized: bool = False
    host: str | None = None


class KserveTarget(TargetBase):
    """An InferenceService on Kubernetes."""

    provider: Literal["kserve"]
    namespace: str = "default"
    context: str | None = None
    image: str | None = None
    cpus: Annotated[float, Field(gt=0)] | None = None
    memory: Size | None = None
    gpus: Annotated[int, Field(ge=0, strict=True)] = 0
    scale: Scale = Scale()


class ExternalTarget(TargetBase):
    """A target of a provider from another package (entry point group ``rtdeploy.providers``)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    provider: str


Target = (
    ProcessTarget | DockerTarget | SagemakerTarget | AzureMlTarget | DatabricksTarget | KserveTarget | ExternalTarget
)


class Spec(Section):
    """The whole file."""

    name: Name
    model: Model
    budget: Budget = Budget()
    serve: Serve = Serve()
    load: Load = Load()
    targets: dict[Name, Target]
