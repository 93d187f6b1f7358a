"""What is wrong with the project's files."""


class ProjectFileError(Exception):
    """A file of the project cannot be read; the message is for a person."""
