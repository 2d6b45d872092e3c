"""Counts in sentences."""


def counted(n: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it is not 1.

    Examples:
        >>> counted(1, "file"), counted(0, "file"), counted(2, "stretch"), counted(1200, "step")
        ('1 file', '0 files', '2 stretches', '1200 steps')
    """
    return f"{n} {noun}{'' if n == 1 else 'es' if noun.endswith(('ch', 'sh', 's', 'x')) else 's'}"
