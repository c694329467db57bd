"""What can go wrong between a lake and its remote."""

from lake.errors import LakeError


class RemoteError(LakeError):
    """The remote refused, or holds what it should not; asking again changes nothing."""


class MissingError(RemoteError):
    """There is no such file."""


class AlteredError(RemoteError):
    """The file has other bytes than its name, or who names it, says."""


class UnsureError(RemoteError):
    """No answer, or one that does not say what was done: it may have happened, and may be asked again."""


class BeatenError(RemoteError):
    """Another publisher was first; nothing of the remote was changed, and a pull before the push helps."""
