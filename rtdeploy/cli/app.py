"""The program: every command under its name, in the panel of ``--help`` where it belongs."""

import typer

from rtdeploy.cli import inspecting, measuring, project, rollout, serving
from rtdeploy.cli.edge import command
from rtdeploy.cli.options import Version

__all__ = ["app"]

app = typer.Typer(
    name="rtdeploy",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=(
        "Exit codes: 0 done, budget met · 1 failed · 2 usage or invalid file · 3 budget missed · 4 inconclusive · "
        "5 measurement not valid · 6 changes found (plan --exit-code) · 130 interrupted."
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def rtdeploy(version: Version = False) -> None:
    """Take a trained model to a real-time endpoint and prove that it meets its latency budget."""


for function, panel in (
    (project.init, "Project"),
    (project.package, "Project"),
    (project.schema, "Project"),
    (rollout.plan, "Deploy"),
    (rollout.deploy, "Deploy"),
    (rollout.traffic, "Deploy"),
    (rollout.promote, "Deploy"),
    (rollout.rollback, "Deploy"),
    (rollout.destroy, "Deploy"),
    (rollout.gc, "Deploy"),
    (measuring.bench, "Measure"),
    (measuring.compare, "Measure"),
    (measuring.capacity, "Measure"),
    (measuring.report, "Measure"),
    (inspecting.status, "Look"),
    (inspecting.logs, "Look"),
    (inspecting.invoke, "Look"),
    (inspecting.targets, "Look"),
    (inspecting.doctor, "Look"),
    (serving.serve, "Serve"),
):
    app.command(rich_help_panel=panel)(command(function))
