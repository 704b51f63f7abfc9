"""What can go wrong with a user's input, as one line that names the thing, the value and the remedy."""


class InputError(ValueError):
    """Something a user handed us cannot be used.

    Parameters
    ----------
    subject
        The file, layer or option that is at fault.
    problem
        What is wrong with it, with the offending value.
    remedy
        What the user can do about it.
    """

    def __init__(self, subject, problem: str, remedy: str = ""):
        self.subject, self.problem, self.remedy = str(subject), problem, remedy
        line = f"{self.subject}: {problem}" + (f". {remedy}" if remedy else "")
        super().__init__(" ".join(line.split()))

    def __reduce__(self):
        """So that it can come from another process."""
        return type(self), (self.subject, self.problem, self.remedy)


class FileError(InputError):
    """A file cannot be read or written."""


class ModelError(InputError):
    """A model file is damaged, of an unknown format, or does not fit the image."""


class Cancelled(Exception):
    """The user stopped a long computation; nothing was changed."""


def listed(names, most: int = 5, between: str = ", ") -> str:
    """The first few names in one line, and how many more there are."""
    names = [str(name) for name in names]
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
