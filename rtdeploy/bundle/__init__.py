"""Model → bundle: a directory that MLflow loads and that the runtime serves."""
