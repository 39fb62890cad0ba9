"""Modules that go into bundles, for stock MLflow to open what it has no loader for; none imports rtdeploy."""
