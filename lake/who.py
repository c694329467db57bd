"""Who did it, for what is kept of changes that a person makes."""

import os
import pwd


def user_name() -> str:
    """Of the user that this process runs as; $LOGNAME and its like are not asked, since anybody sets those."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container the number may have no name
        return f"user {os.getuid()}"
