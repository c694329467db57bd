"""What can be wrong with a lake and a person can put right."""


class LakeError(Exception):
    """Printed without a traceback: says what failed, why, and what to do next."""
