"""What can be wrong with a site build or its server and a person can put right."""


class SiteError(Exception):
    """Printed without a traceback: says what failed, why, and what to do next."""
