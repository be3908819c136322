"""Every error a user can meet, in one tree.

    OpenDTError                 exit code
    ├── NegativeAnswer          1   a check was made and the answer is no
    ├── BadInput                2   wrong use, or input that breaks its contract
    │   ├── BadConfiguration
    │   ├── NotModelled         OpenDC takes it, the native engine does not
    │   └── NotKnown            well-formed, but there is no such thing
    ├── Unavailable             3   something is missing or cannot be reached
    │   ├── BrokerUnavailable
    │   └── HistoryGone             a log no longer holds what the state refers to
    └── SimulationError         1   the engine cannot simulate these inputs: a function of the inputs, never of the machine

A message says what was wrong, what was expected, where, and what to do next; `str(error)` is the whole sentence.
"""

from __future__ import annotations


class OpenDTError(Exception):
    """Base of all errors that are answered with one clear message instead of a stack trace."""

    exit_code = 1

    def __init__(self, what: str, *, expected: str | None = None, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what, self.expected, self.where, self.hint = what, expected, where, hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected:
            text += f"; expected {self.expected}"
        return f"{text}. {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.expected, self.where, self.hint)


def _rebuild(kind: type[OpenDTError], what: str, expected: str | None, where: str | None, hint: str | None) -> OpenDTError:
    return kind(what, expected=expected, where=where, hint=hint)


class NegativeAnswer(OpenDTError):
    exit_code = 1


class BadInput(OpenDTError):
    exit_code = 2


class BadConfiguration(BadInput):
    pass


class NotModelled(BadInput):
    pass


class NotKnown(BadInput):
    pass


class Unavailable(OpenDTError):
    exit_code = 3


class BrokerUnavailable(Unavailable):
    pass


class HistoryGone(Unavailable):
    pass


class SimulationError(OpenDTError):
    """`task`: the id of the task that is the cause, where one can be named."""

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        where: str | None = None,
        hint: str | None = None,
        task: int | None = None,
    ) -> None:
        super().__init__(what, expected=expected, where=where, hint=hint)
        self.task = task

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_with_task, (self.what, self.expected, self.where, self.hint, self.task)


def _rebuild_with_task(what: str, expected: str | None, where: str | None, hint: str | None, task: int | None) -> SimulationError:
    return SimulationError(what, expected=expected, where=where, hint=hint, task=task)
