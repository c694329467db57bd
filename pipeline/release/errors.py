"""Why a release was refused."""

from pipeline.errors import StageError


class ReleaseError(StageError):
    """A run cannot be released, or its ONNX graph does not do what the network does. Nothing was written."""
