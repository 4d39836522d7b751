"""Version of the pipeline: of the code, and of what its rules make of an article."""

PIPELINE_VERSION = "0.1.0"
