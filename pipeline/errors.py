"""What a person can put right; commands print these without a traceback and exit 1."""


class KdGatError(Exception):
    """Says what failed with the values at hand, why, and what to do next."""


class ConfigError(KdGatError):
    """An experiment, a catalogue or a command line asks for something that does not exist or fit."""


class CaptureError(KdGatError):
    """A capture file cannot be read as what it is said to be."""


class StageError(KdGatError):
    """A stage cannot do its work on what it was given."""
