"""A project made by `rtdeploy init`, deployed by the command line; taken down whatever happens."""

from collections.abc import Iterator

import pytest

from tests.e2e.project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("project"))
    assert made.rtdeploy("init", ".", "--template", "onnx").code == 0
    yield made
    made.rtdeploy("destroy", "local", "--yes")


@pytest.fixture(scope="session")
def deployed(project: Project) -> Project:
    outcome = project.rtdeploy("deploy", "local", "--yes")
    assert outcome.code == 0, outcome.err
    return project
