"""The one error that bad input raises."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one sentence: what, where, what to do.

    The command line shows the message alone and exits with code 2.
    """
