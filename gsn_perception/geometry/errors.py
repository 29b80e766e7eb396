"""The one exception type that carries a sentence for the user."""


class InputError(ValueError):
    """Raised for bad input.

    The message is one sentence that says what was wrong and what to do; command lines print it and exit non-zero,
    nodes put it into diagnostics.
    """
