"""What queries to all databases have in common: how a name is quoted, and how they fail."""


class QueryFailedError(Exception):
    """The database answers that a query cannot be; the text says why. For `database` alone."""


def quote_name(name: str) -> str:
    """Return a table's or a column's name as SQL has it, whatever its letters."""
    return '"' + name.replace('"', '""') + '"'
