"""What can go wrong with a user's input, as one line that names the thing, the value and the remedy."""


LONGEST = 500
"""Letters of a problem or remedy that a line shows: what a file holds may be quoted in it, however long that is."""


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
        self.subject, self.problem, self.remedy = plain(str(subject)), shortened(problem), shortened(remedy)
        super().__init__(f"{self.subject}: {self.problem}" + (f". {self.remedy}" if self.remedy else ""))

    def __reduce__(self):
        """So that it can come from another process."""
        return type(self), (self.subject, self.problem, self.remedy)


class FileError(InputError):
    """A file cannot be read or written."""


class ModelError(InputError):
    """A model file is damaged, of an unknown format, or does not fit the image."""


class Cancelled(Exception):
    """The user stopped a long computation; nothing was changed."""


def plain(text: str) -> str:
    """A text in one line, with what a terminal would obey, or cannot show, written out as its code."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def shortened(text: str) -> str:
    """A text as `plain` gives it, `LONGEST` letters at most."""
    line = plain(str(text)[: 4 * LONGEST])
    return line if len(line) <= LONGEST else line[:LONGEST] + " ..."


def listed(names, most: int = 5, between: str = ", ") -> str:
    """The first few names in one line, and how many more there are."""
    names = [str(name) for name in names]
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
