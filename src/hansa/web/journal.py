"""What a long-lived process writes about itself: one JSON object a line, on standard error."""

import json
import logging
import sys
import time
from typing import Final

LOGGER: Final = logging.getLogger("hansa")


class _Lines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "at": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def open_journal(*, every_request: bool) -> None:
    """Write the journal of this process to standard error from now on.

    Args:
        every_request: also requests that went well.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    for name in ("hansa", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.ERROR)  # what strangers send is no news
    LOGGER.setLevel(logging.DEBUG if every_request else logging.INFO)


def note(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Write one line about something that happened; never a secret, never what somebody's data says."""
    LOGGER.log(level, event, extra={"facts": facts})
