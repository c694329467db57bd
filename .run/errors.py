"""What can go wrong before a task runs and a person can put right."""


class RunError(Exception):
    """Says what failed, why and what to do next; printed without a traceback."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
