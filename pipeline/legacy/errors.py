"""What of a migration a person can put right."""

from pipeline.errors import KdGatError


class MigrateError(KdGatError):
    """A source is none we know, is damaged, or says something else than what was imported before."""
