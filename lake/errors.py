"""What can be wrong with a lake and a person can put right."""


class LakeError(Exception):
    """Printed without a traceback: says what failed, why, and what to do next."""


class NotWrittenError(LakeError):
    """A file was not written: the disk is full, or the place may only be read. What was there is as it was."""
